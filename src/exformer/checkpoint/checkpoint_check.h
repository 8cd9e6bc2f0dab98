// What a checkpoint is before its weights are opened: an adapter, code of its own, quantized, in another format. What
// no front end exports is refused here, with what was found and what to do.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "exformer/base/json.h"

namespace exformer {

/// An entry of config.json's `auto_map` that has a say in what the model computes.
struct OwnCode {
  std::string auto_class;  // "AutoConfig", "AutoModelForCausalLM"
  std::string repository;  // of the code, when it is another one: "organisation/name"
  std::string file;        // "modeling_own.py"
  std::string reference;   // as it is written: "modeling_own.OwnModel"
};

/// The entries for configs and models, as config.json orders them; those for tokenizers and processors are left out.
std::vector<OwnCode> own_code(const Json& config);

/// Refuses what no front end exports: adapters, quantized weights, weights that are in no safetensors file under the
/// usual names, and code of the checkpoint's own unless it is trusted. Throws ExportError, mostly Unsupported.
void check_checkpoint(const std::filesystem::path& directory, bool trust_remote_code);

/// The first of these tensors that only quantized weights have ("q_proj.qweight"); empty when there is none. For
/// checkpoints whose config does not say so.
std::string quantized_tensor(const std::vector<std::string>& names);

/// The part that needs no config: an adapter, with or without its base beside it, and no config.json.
void check_directory(const std::filesystem::path& directory);

/// The refusal of a directory or repository (`place`) that has neither model.safetensors nor its index, but these
/// files.
[[noreturn]] void refuse_without_weights(const std::string& place, const std::vector<std::string>& files);
[[noreturn]] void refuse_without_weights(const std::filesystem::path& directory);

}  // namespace exformer
