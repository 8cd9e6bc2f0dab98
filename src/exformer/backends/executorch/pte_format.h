// The extended header of a `.pte`, between the first eight bytes (root offset, identifier) and the tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace exformer::executorch {

inline constexpr std::string_view kHeaderMagic = "eh00";
inline constexpr size_t kHeaderAt = 8;
inline constexpr size_t kHeaderSize = 32;  // magic, its length, tables' size, segment base, segments' size
inline constexpr size_t kSegmentAlignment = 128;
inline constexpr size_t kDataAlignment = 64;

}  // namespace exformer::executorch
