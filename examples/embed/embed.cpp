// Exports a text encoder in memory, runs it on token ids and prints the mean of its hidden states, as
// sentence-transformers pools them.
//   embed CHECKPOINT ID [ID...]
#include <exformer/exformer.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

std::vector<int64_t> parse_ids(int count, char** arguments) {
  std::vector<int64_t> ids;
  for (int i = 0; i < count; ++i) {
    int64_t id = 0;
    const char* end = arguments[i] + std::strlen(arguments[i]);
    const auto [position, error] = std::from_chars(arguments[i], end, id);
    if (error != std::errc() || position != end) exformer::usage_error("'{}' is not a token id", arguments[i]);
    ids.push_back(id);
  }
  return ids;
}

exformer::HostTensor find_output(const exformer::NamedTensors& outputs, const std::string& wanted) {
  for (const auto& [name, tensor] : outputs) {
    if (name == wanted) return tensor.to(exformer::DType::Float32);
  }
  exformer::fail("the model has no output '{}'", wanted);
}

/// [1, tokens, width] -> the mean over the tokens, scaled to length 1
std::vector<double> mean_pool(const exformer::HostTensor& states) {
  const int64_t tokens = states.size(1), width = states.size(2);
  std::vector<double> mean(static_cast<size_t>(width));
  for (int64_t i = 0; i < tokens * width; ++i)
    mean[static_cast<size_t>(i % width)] += states.item_double(i) / static_cast<double>(tokens);
  double square = 0;
  for (const double value : mean) square += value * value;
  for (double& value : mean) value /= std::sqrt(square);
  return mean;
}

void run(const std::string& checkpoint, const std::vector<int64_t>& ids) {
  const auto model = exformer::AutoModel::from_pretrained(checkpoint);
  const exformer::ExportedModel exported = exformer::DynamoExporter{}.export_model(model, {}, {.dynamic = true});

  const std::vector<int64_t> sizes = {1, static_cast<int64_t>(ids.size())};
  const exformer::NamedTensors inputs = {
      {"input_ids", exformer::HostTensor::from(exformer::DType::Int64, sizes, ids)},
      {"attention_mask",
       exformer::HostTensor::from(exformer::DType::Int64, sizes, std::vector<int64_t>(ids.size(), 1))}};
  for (const double value : mean_pool(find_output(exported(inputs), "last_hidden_state"))) std::printf("%.6f\n", value);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: embed CHECKPOINT ID [ID...]\n");
    return 2;
  }
  try {
    run(argv[1], parse_ids(argc - 2, argv + 2));
    return 0;
  } catch (const exformer::ExportError& error) {
    std::fprintf(stderr, "embed: %s\n", error.what());
    return error.exit_code();
  }
}
