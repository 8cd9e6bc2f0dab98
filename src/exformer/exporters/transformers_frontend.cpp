#include "exformer/exporters/transformers_frontend.h"

#include <cstdlib>

#include "exformer/base/error.h"
#include "exformer/base/file.h"
#include "exformer/base/process.h"
#include "exformer/checkpoint/hub.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

std::string python_of(const TransformersRequest& request) {
  if (!request.python.empty()) {
    if (find_program(request.python).empty()) fail("--python: there is no program '{}'", request.python);
    return request.python;
  }
  if (const char* environment = std::getenv("VIRTUAL_ENV")) {
    const fs::path python = fs::path(environment) / "bin" / "python";
    if (!find_program(python.string()).empty()) return python.string();
  }
  if (find_program("python3").empty()) {
    unsupported("there is no python3 for the transformers front end: install it, or name one with --python");
  }
  return "python3";
}

/// Where the Python package lies beside this program: in the build tree or in an installation. Empty: it has to be
/// installed in the Python itself.
fs::path package_directory() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return {};
  for (const fs::path& candidate :
       {program.parent_path() / "python", program.parent_path() / "../lib/exformer/python"}) {
    if (fs::exists(candidate / "exformer" / "__init__.py", error)) return candidate.lexically_normal();
  }
  return {};
}

std::string auto_class(Task task) {
  switch (task) {
    case Task::FeatureExtraction: return "AutoModel";
    case Task::TextGeneration: return "AutoModelForCausalLM";
    case Task::FillMask: return "AutoModelForMaskedLM";
    case Task::PreTraining: return "AutoModelForPreTraining";
    case Task::NextSentencePrediction: return "AutoModelForNextSentencePrediction";
    case Task::TextClassification: return "AutoModelForSequenceClassification";
    case Task::TokenClassification: return "AutoModelForTokenClassification";
    case Task::QuestionAnswering: return "AutoModelForQuestionAnswering";
    case Task::MultipleChoice: return "AutoModelForMultipleChoice";
    case Task::ImageClassification: return "AutoModelForImageClassification";
    case Task::MaskedImageModeling: return "AutoModelForMaskedImageModeling";
  }
  return "AutoModel";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

/// The end of what the interpreter wrote, in one line.
std::string last_words(const std::string& errors) {
  constexpr size_t kMost = 400;
  std::string text = errors.size() > kMost ? errors.substr(errors.size() - kMost) : errors;
  for (char& c : text) c = c == '\n' || c == '\r' ? ' ' : c;
  const size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  return first == std::string::npos ? "it said nothing" : "its last words: " + text.substr(first, last - first + 1);
}

Json answer_of(const ProcessResult& result, const TransformersRequest& request, const std::string& python) {
  if (result.timed_out) {
    fail("{} did not finish within {} s ({})", python, request.limit.count(), last_words(result.errors));
  }
  const size_t end = result.output.find_last_not_of("\n\r ");
  const size_t start = end == std::string::npos ? end : result.output.find_last_of('\n', end);
  const std::string line =
      end == std::string::npos ? "" : result.output.substr(start == std::string::npos ? 0 : start + 1);
  const Json answer = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("ok")) {
    const std::string how = result.signal ? fmt::format("was ended by signal {}", result.signal)
                                          : fmt::format("ended with code {}", result.exit_code);
    if (result.errors.find("No module named 'exformer'") != std::string::npos ||
        result.errors.find("No module named exformer") != std::string::npos) {
      unsupported(
          "{} does not have exformer's Python package: pip install it there, or build with EXFORMER_BUILD_PYTHON",
          python);
    }
    fail("{} {} while the model was traced ({})", python, how, last_words(result.errors));
  }
  if (answer["ok"] == true) return answer;
  const auto message = answer.value("message", std::string("no message"));
  if (answer.value("kind", "") == "unsupported") unsupported("{}", message);
  fail("{}", message);
}

}  // namespace

Json export_with_transformers(const TransformersRequest& request) {
  const std::string python = python_of(request);
  const fs::path checkpoint = fs::absolute(resolve_checkpoint(request.checkpoint));
  StagedDirectory staged(request.output);
  const fs::path inner = staged.path() / "export";  // the child stages beside it, inside what is removed on failure

  Json call = request.flags;
  call["checkpoint"] = checkpoint.string();
  call["output"] = inner.string();
  call["config"] = request.config;
  call["dynamic"] = request.config.value("dynamic", false);
  call["dynamic_shapes"] = request.config.value("dynamic_shapes", Json(nullptr));
  call["dtype"] = text_or_null(request.dtype);
  call["attn_implementation"] = text_or_null(request.attn_implementation);
  call["auto_class"] = request.task ? Json(auto_class(*request.task)) : Json(nullptr);
  call["inputs"] = request.inputs ? Json(fs::absolute(*request.inputs).string()) : Json(nullptr);
  call["allow_missing"] = request.allow_missing;
  call["trust_remote_code"] = request.trust_remote_code;

  ProcessRequest process{
      .command = {python, "-m", "exformer.frontend.child"}, .input = dump_json(call), .limit = request.limit};
  if (const fs::path package = package_directory(); !package.empty()) {
    const char* others = std::getenv("PYTHONPATH");
    process.environment["PYTHONPATH"] = others ? package.string() + ":" + others : package.string();
  }
  process.environment["HF_HUB_OFFLINE"] = "1";  // the checkpoint is here already
  Json answer = answer_of(run_process(process), request, python);

  for (const auto& entry : fs::directory_iterator(inner))
    fs::rename(entry.path(), staged.path() / entry.path().filename());
  fs::remove(inner);
  staged.commit();
  answer.erase("ok");
  return answer;
}

}  // namespace exformer
