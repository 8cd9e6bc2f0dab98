#include "exformer/exporters/transformers_frontend.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "exformer/base/file.h"
#include "exformer/base/process.h"
#include "exformer/checkpoint/checkpoint_check.h"
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
    throw NoFrontend("there is no python3 for the transformers front end: install it, or name one with --python");
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

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

/// Code in another repository comes from the Hub, unless the environment says that it is offline.
bool needs_hub(const fs::path& checkpoint, const TransformersRequest& request) {
  const std::string path = (checkpoint / "config.json").string();
  const auto is_elsewhere = [](const OwnCode& code) { return !code.repository.empty(); };
  const std::vector<OwnCode> code = own_code(parse_json(read_text_file(path), path));
  return request.trust_remote_code && std::any_of(code.begin(), code.end(), is_elsewhere);
}

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
      throw NoFrontend(
          fmt::format("{} does not find exformer's Python package, which belongs beside this program: build the target "
                      "exformer_core, "
                      "or run `pip install .` with that Python in the source tree",
                      python));
    }
    fail("{} {} while the model was traced ({})", python, how, last_words(result.errors));
  }
  if (answer["ok"] == true) return answer;
  const auto message = answer.value("message", std::string("no message"));
  const auto kind = answer.value("kind", std::string());
  if (kind == "no_frontend") throw NoFrontend(message);
  if (kind == "unsupported") unsupported("{}", message);
  fail("{}", message);
}

}  // namespace

Json export_with_transformers(const TransformersRequest& request) {
  const std::string python = python_of(request);
  const fs::path checkpoint = fs::absolute(resolve_checkpoint(request.checkpoint, {.code = request.trust_remote_code}));
  check_checkpoint(checkpoint, request.trust_remote_code);
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
  call["task"] = request.task ? Json(task_name(*request.task)) : Json(nullptr);
  call["inputs"] = request.inputs ? Json(fs::absolute(*request.inputs).string()) : Json(nullptr);
  call["allow_missing"] = request.allow_missing;
  call["allow_surplus"] = request.allow_surplus;
  call["trust_remote_code"] = request.trust_remote_code;

  ProcessRequest process{
      .command = {python, "-m", "exformer.frontend.child"}, .input = dump_json(call), .limit = request.limit};
  if (const fs::path package = package_directory(); !package.empty()) {
    const char* others = std::getenv("PYTHONPATH");
    process.environment["PYTHONPATH"] = others ? package.string() + ":" + others : package.string();
  }
  if (!needs_hub(checkpoint, request)) process.environment["HF_HUB_OFFLINE"] = "1";  // the checkpoint is here already
  Json answer = answer_of(run_process(process), request, python);

  for (const auto& entry : fs::directory_iterator(inner))
    fs::rename(entry.path(), staged.path() / entry.path().filename());
  fs::remove(inner);
  staged.commit();
  answer.erase("ok");
  return answer;
}

}  // namespace exformer
