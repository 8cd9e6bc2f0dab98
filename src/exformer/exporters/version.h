// The version of this library, recorded in the files it writes.
#pragma once

namespace exformer {
inline constexpr const char* kVersion = "0.1.0";
}  // namespace exformer
