// The extended headers of a `.pte` and a `.ptd`, between the first eight bytes (root offset, identifier) and the
// tables.
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

// The header of a `.ptd`, at the same place: magic, its length, the tables' offset and size, segment base, segments'
// size.
inline constexpr std::string_view kDataHeaderMagic = "FH01";
inline constexpr size_t kDataHeaderUsed = 40, kDataHeaderSize = 48;

inline uint64_t aligned_to(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}
/// Writes a little-endian number.
inline void put_number(std::byte* at, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) at[i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace exformer::executorch
