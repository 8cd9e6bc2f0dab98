// Archive layout as torch.export.pt2_archive 2.13 writes it; loading it needs no pickle.
#include "exformer/backends/pt2/writer.h"

#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exformer/backends/pt2/graph_writer.h"
#include "exformer/backends/pt2/json_text.h"
#include "exformer/backends/pt2/plain_pytree.h"
#include "exformer/backends/pt2/sample_inputs.h"
#include "exformer/backends/pt2/torch_schema.h"
#include "exformer/backends/pt2/zip_writer.h"
#include "exformer/base/error.h"

namespace exformer {
namespace {

using namespace pt2;

struct Payload {
  std::string name;  // fully qualified
  const LazyTensor* tensor = nullptr;
  bool is_parameter = false;
};

// In the order of the inputs, so that the file reads front to back in the order of use; entries that no input names
// come last.
std::vector<Payload> payloads(const ExportedProgram& program, const std::map<std::string, LazyTensor>& table) {
  std::vector<Payload> result;
  std::set<std::string> seen;
  const auto add = [&](const std::string& name, bool is_parameter) {
    const auto found = table.find(name);
    if (found != table.end() && seen.insert(name).second) result.push_back({name, &found->second, is_parameter});
  };
  for (const InputSpec& input : program.inputs) {
    if (input.kind != InputSpec::Kind::UserInput) add(input.target, input.kind == InputSpec::Kind::Parameter);
  }
  for (const auto& entry : table) add(entry.first, false);
  return result;
}

// Writes the blobs, each storage once, and then the table of what lies where.
void write_payloads(ZipWriter& zip, const std::vector<Payload>& items, std::string_view folder, std::string_view prefix,
                    std::string_view config_name) {
  JsonText config;
  config.begin_object().key("config").begin_object();
  std::unordered_map<std::string, std::string> written;
  for (const Payload& item : items) {
    const auto [blob, is_new] =
        written.try_emplace(item.tensor->storage_key(), fmt::format("{}{}", prefix, written.size()));
    if (is_new) zip.add(fmt::format("{}{}", folder, blob->second), *item.tensor);
    const auto integers = [&](std::string_view name, const std::vector<int64_t>& values) {
      config.key(name).begin_list();
      for (const int64_t value : values) config.begin_object().member("as_int", value).end_object();
      config.end_list();
    };
    config.key(item.name).begin_object().member("path_name", blob->second).member("is_param", item.is_parameter);
    config.member("use_pickle", false).key("tensor_meta").begin_object();
    config.member("dtype", int64_t{scalar_type(item.tensor->dtype())});
    integers("sizes", item.tensor->sizes());
    config.member("requires_grad", false).key("device").raw(R"({"type":"cpu","index":null})");
    integers("strides", contiguous_strides(item.tensor->sizes()));
    config.key("storage_offset").begin_object().member("as_int", int64_t{0}).end_object();
    config.member("layout", int64_t{kStridedLayout}).end_object().end_object();
  }
  config.end_object().end_object();
  zip.add(fmt::format("{}{}", folder, config_name), config.text());
}

void check_complete(const ExportedProgram& program) {
  for (const InputSpec& input : program.inputs) {
    if (input.kind != InputSpec::Kind::UserInput && program.data(input) == nullptr) {
      fail("cannot write .pt2: the program has no data for '{}'", input.target);
    }
  }
}

}  // namespace

void write_pt2(const ExportedProgram& program, const std::filesystem::path& path, const Pt2Options& options) {
  check_complete(program);
  // The text comes first: what cannot be expressed fails before a byte is written.
  const std::string model = model_json(program, options);
  ZipWriter zip(path, std::string(kModelName));
  zip.add("archive_format", "pt2");
  zip.add("archive_version", "0");
  zip.add("byteorder", "little");
  zip.add(".data/version", "6\n");
  zip.add(fmt::format("models/{}.json", kModelName), model);
  write_payloads(zip, payloads(program, program.state_dict), kWeights, kWeightPrefix,
                 fmt::format("{}_weights_config.json", kModelName));
  write_payloads(zip, payloads(program, program.constants), kConstants, kConstantPrefix,
                 fmt::format("{}_constants_config.json", kModelName));
  const TreeSpec in_spec = options.pytree == Pt2Pytree::Plain ? plain_spec(program.in_spec) : program.in_spec;
  zip.add(fmt::format("data/sample_inputs/{}.pt", kModelName), sample_inputs(in_spec, options.sample_inputs));
  zip.finish();
}

}  // namespace exformer
