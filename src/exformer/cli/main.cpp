// Entry point: parses arguments, runs one command, turns faults into exit codes and messages.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <functional>
#include <new>

#include "exformer/base/error.h"
#include "exformer/base/interrupt.h"
#include "exformer/cli/commands.h"
#include "exformer/exporters/version.h"

namespace {

using exformer::ErrorKind;
using exformer::ExportError;
using exformer::Json;
using namespace exformer::cli;

const char* kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Failed: return "failed";
    case ErrorKind::Usage: return "usage";
    case ErrorKind::Unsupported: return "unsupported";
    case ErrorKind::VerificationFailed: return "verification_failed";
  }
  return "failed";
}

int report(const CommonOptions& common, ErrorKind kind, const std::string& message) {
  if (common.json) {
    const Json error = {{"error", {{"kind", kind_name(kind)}, {"message", message}}},
                        {"exit_code", static_cast<int>(kind)}};
    std::printf("%s\n", exformer::dump_json(error).c_str());
  }
  std::fprintf(stderr, "exformer: %s\n", message.c_str());
  return static_cast<int>(kind);
}

/// The first signal asks the export to stop and clean up; a second one ends the process at once.
void handle_signal(int signal) {
  exformer::request_interrupt();
  std::signal(signal, SIG_DFL);
}

struct Command {
  CLI::App* app;
  std::function<Json()> run;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Exports Hugging Face checkpoints to torch ExportedPrograms (.pt2) and ONNX, without Python."};
  app.require_subcommand(1);
  app.set_version_flag("--version", exformer::kVersion);
  CommonOptions common;
  const auto add_common = [&](CLI::App* command) {
    command->add_flag("--json", common.json, "print the result, or the error, as one JSON object");
    command->add_flag("--quiet", common.quiet, "print nothing but errors");
  };
  std::vector<Command> commands;

  ExportOptions export_options;
  CLI::App* export_command = app.add_subcommand("export", "export a checkpoint");
  export_command->add_option("checkpoint", export_options.checkpoint, "checkpoint directory or Hub id")->required();
  export_command->add_option("--to", export_options.to, "dynamo, onnx or executorch")->required();
  export_command->add_option("-o,--output", export_options.output, "directory to write")->required();
  export_command->add_flag("--dynamic", export_options.dynamic, "make every input size symbolic");
  export_command->add_option("--dynamic-shapes", export_options.dynamic_shapes,
                             "dims by input and axis: JSON, or a file of it");
  export_command->add_option("--inputs", export_options.inputs,
                             "sample forward kwargs (safetensors); made from the task without it");
  export_command->add_option("--task", export_options.task,
                             "the Hub's task name, e.g. text-generation; default: the checkpoint's own class");
  export_command->add_option("--dtype", export_options.dtype, "f32, f16 or bf16; default: the checkpoint's");
  export_command->add_flag("--for-generation", export_options.for_generation, "export prefill and decode apart");
  export_command->add_option("--backend", export_options.backend, "xnnpack, cuda or portable (executorch)");
  export_command->add_option("--max-arena", export_options.max_arena,
                             "fail when the planned arena is larger: bytes, 512MB, 2GB (executorch)");
  export_command->add_option("--require-delegated", export_options.require_delegated,
                             "fail when delegates take less than this percentage of the multiply-adds (executorch)");
  export_command->add_option("--opset", export_options.opset, "ONNX opset");
  export_command->add_option("--names", export_options.names, "transformers or genai (ONNX)");
  export_command
      ->add_option("--frontend", export_options.frontend,
                   "native (the models built in), transformers (its modeling code, traced in a Python), or "
                   "auto: native where it can")
      ->check(CLI::IsMember({"auto", "native", "transformers"}));
  export_command->add_option("--python", export_options.python,
                             "the Python that has transformers; default: the active "
                             "virtual environment's, else python3");
  export_command->add_flag("--trust-remote-code", export_options.trust_remote_code,
                           "run modeling code that lies in the checkpoint");
  export_command->add_flag("--allow-unchecked", export_options.allow_unchecked,
                           "leave out the checks of what the file takes for granted of sizes and contents");
  export_command->add_option("--time-limit", export_options.time_limit, "seconds that the Python may take")
      ->check(CLI::PositiveNumber);
  export_command->add_option("--config", export_options.config, "the exporter's config as a JSON file");
  export_command->add_option("--set", export_options.set, "one field of the config: key=value");
  add_common(export_command);
  commands.push_back({export_command, [&] { return run_export(export_options, common); }});

  RunOptions run_options;
  CLI::App* run_command = app.add_subcommand("run", "run an export once");
  run_command->add_option("program", run_options.program, "export directory, .pt2 or .onnx file")->required();
  run_command->add_option("--inputs", run_options.inputs, "forward kwargs (safetensors)")->required();
  run_command->add_option("-o,--output", run_options.output, "write the outputs (safetensors)");
  add_common(run_command);
  commands.push_back({run_command, [&] { return run_program(run_options, common); }});

  InspectOptions inspect_options;
  CLI::App* inspect_command = app.add_subcommand("inspect", "say what a checkpoint or a file is");
  inspect_command
      ->add_option("target", inspect_options.target,
                   "checkpoint directory, export directory, .safetensors, .pt2 or .onnx file")
      ->required();
  inspect_command->add_option("--graph", inspect_options.graph, "draw the graph (SVG)");
  add_common(inspect_command);
  commands.push_back({inspect_command, [&] { return run_inspect(inspect_options, common); }});

  ListOptions list_options;
  CLI::App* list_command = app.add_subcommand("list", "list what is built in");
  list_command->add_flag("--families", list_options.families, "model types and their architectures");
  list_command->add_flag("--ops", list_options.ops, "declared ATen ops");
  list_command->add_flag("--backends", list_options.backends, "formats and backends");
  add_common(list_command);
  commands.push_back({list_command, [&] { return run_list(list_options, common); }});

  for (const char* name : {"convert", "generate", "verify"}) {
    CLI::App* later = app.add_subcommand(name, "not built yet");
    later->allow_extras();
    later->add_flag("--json", common.json);
    commands.push_back({later, [name]() -> Json { exformer::unsupported("the command '{}' is not built yet", name); }});
  }

  std::signal(SIGINT, handle_signal);
  std::signal(SIGTERM, handle_signal);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return report(common, ErrorKind::Usage, error.what());
  }
  try {
    for (const Command& command : commands) {
      if (!command.app->parsed()) continue;
      const Json result = command.run();
      if (common.json) std::printf("%s\n", exformer::dump_json(result).c_str());
    }
    return 0;
  } catch (const ExportError& error) {
    return report(common, error.kind(), error.what());
  } catch (const std::bad_alloc&) {
    return report(common, ErrorKind::Failed, "out of memory");
  } catch (const std::exception& error) {
    return report(common, ErrorKind::Failed, error.what());
  }
}
