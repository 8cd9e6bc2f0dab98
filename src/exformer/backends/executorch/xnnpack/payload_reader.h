// Reads an XNNPACK payload back: which nodes it holds.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "exformer/base/file.h"

namespace exformer::executorch::xnnpack {

/// Nodes by kind ("FullyConnected"); nothing for bytes that are no payload of the form that is written here.
std::map<std::string, int64_t> count_payload_nodes(Bytes payload);

}  // namespace exformer::executorch::xnnpack
