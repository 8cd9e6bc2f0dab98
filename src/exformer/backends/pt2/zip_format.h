// Facts of the zip format (PKWARE APPNOTE) that the reader and the writer share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exformer::pt2::zip {

inline constexpr uint32_t kLocalHeader = 0x04034b50;
inline constexpr uint32_t kCentralHeader = 0x02014b50;
inline constexpr uint32_t kEndOfDirectory = 0x06054b50;
inline constexpr uint32_t kZip64EndOfDirectory = 0x06064b50;
inline constexpr uint32_t kZip64Locator = 0x07064b50;

inline constexpr size_t kLocalHeaderSize = 30;
inline constexpr size_t kLocalCrcOffset = 14;  // of the CRC inside a local header
inline constexpr size_t kCentralHeaderSize = 46;
inline constexpr size_t kEndOfDirectorySize = 22;
inline constexpr size_t kZip64EndOfDirectorySize = 56;
inline constexpr size_t kZip64LocatorSize = 20;

inline constexpr uint16_t kStored = 0;
inline constexpr uint16_t kDeflated = 8;
inline constexpr uint16_t kEncryptedFlag = 1U << 0;
inline constexpr uint16_t kUtf8Flag = 1U << 11;
inline constexpr uint16_t kZip64Extra = 0x0001;
inline constexpr uint16_t kPaddingExtra = 0x4246;  // "FB", as torch's PyTorchStreamWriter pads
inline constexpr uint32_t kMax32 = 0xffffffffU;
inline constexpr uint16_t kMax16 = 0xffffU;

}  // namespace exformer::pt2::zip
