// The subcommands of the program: options in, an exit code out. Faults are thrown as ExportError and reported in
// main.cpp.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "exformer/base/json.h"

namespace exformer::cli {

/// Options that every command has.
struct CommonOptions {
  bool json = false;
  bool quiet = false;
};

struct ExportOptions {
  std::string checkpoint;
  std::string to;
  std::filesystem::path output;
  bool dynamic = false;
  std::string dynamic_shapes;  // JSON text or a file of it
  std::filesystem::path inputs;
  std::string task, dtype, backend, names, max_arena;
  std::optional<double> require_delegated;
  std::string frontend = "auto";  // auto, native, transformers
  std::string python;             // for the transformers front end
  bool trust_remote_code = false;
  bool allow_unchecked = false;
  int64_t time_limit = 1800;  // seconds that front end may take
  bool for_generation = false;
  std::optional<int64_t> opset;
  std::filesystem::path config;
  std::vector<std::string> set;  // key=value
};

struct RunOptions {
  std::filesystem::path program;
  std::filesystem::path inputs;
  std::filesystem::path output;
};

struct InspectOptions {
  std::filesystem::path target;
  std::filesystem::path graph;
};

struct ListOptions {
  bool families = false, ops = false, backends = false;
};

/// Each returns what --json prints.
Json run_export(const ExportOptions& options, const CommonOptions& common);
Json run_program(const RunOptions& options, const CommonOptions& common);
Json run_inspect(const InspectOptions& options, const CommonOptions& common);
Json run_list(const ListOptions& options, const CommonOptions& common);

}  // namespace exformer::cli
