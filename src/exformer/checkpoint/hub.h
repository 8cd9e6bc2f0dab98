// Hub ids: found in the local Hub cache as huggingface_hub lays it out, else downloaded into it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace exformer {

struct HubProgress {
  std::string file;
  uint64_t received = 0;
  std::optional<uint64_t> total;
};

/// What the environment says, in the variables of huggingface_hub, unless set here.
struct HubOptions {
  std::optional<std::filesystem::path> cache;  // HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub
  std::optional<std::string> endpoint;         // HF_ENDPOINT, else https://huggingface.co
  std::optional<std::string> token;  // HF_TOKEN, else the file HF_TOKEN_PATH, else $HF_HOME/token; "" for none
  std::optional<bool> offline;       // HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE
  bool code = false;                 // the Python files too, which a trusted auto_map needs
  std::function<void(const HubProgress&)> progress;
  std::chrono::milliseconds retry_delay{500};  // before the second attempt; doubled for each further one
  int attempts = 4;                            // without any progress
};

/// A directory as it is; else the Hub id "name" or "organisation/name", with "@revision" (main), as a directory of the
/// cache: its config.json, generation_config.json, adapter_config.json and safetensors. A complete cached snapshot is
/// used without asking the Hub; otherwise what is missing is downloaded, broken downloads are continued, and sizes and
/// SHA-256 sums are checked. The token is sent to the endpoint's own origin only. Faults throw ExportError: no such
/// directory or repository, no access, not cached while offline, only pickled weights.
std::filesystem::path resolve_checkpoint(const std::string& id_or_path, const HubOptions& options = {});

}  // namespace exformer
