// Finds the directory from the end of the file, then each entry through its local header.
#include "exformer/backends/pt2/zip_reader.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <utility>

#include "exformer/backends/pt2/zip_format.h"
#include "exformer/base/error.h"

namespace exformer::pt2 {
namespace {

using namespace zip;

// Little-endian integer at `offset`; the caller has checked the bounds.
uint64_t integer(Bytes bytes, size_t offset, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= static_cast<uint64_t>(bytes[offset + i]) << (8 * i);
  return value;
}

std::string inflate_raw(Bytes input, uint64_t size, const std::string& where) {
  std::string output(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail("{}: cannot start zlib", where);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool whole = result == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  if (!whole) fail("{}: the compressed data are damaged", where);
  return output;
}

}  // namespace

ZipReader ZipReader::open(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return {file->bytes(), path.string(), file};
}

ZipReader::ZipReader(Bytes archive, std::string source, std::shared_ptr<const void> owner)
    : archive_(archive), source_(std::move(source)), owner_(std::move(owner)) {
  if (archive_.size() < kEndOfDirectorySize)
    fail("{}: {} bytes are too few for a zip archive", source_, archive_.size());
  // The end record is the last one whose comment reaches exactly to the end of the file.
  const size_t last = archive_.size() - kEndOfDirectorySize;
  const size_t first = last > kMax16 ? last - kMax16 : 0;
  for (size_t position = last + 1; position-- > first;) {
    if (integer(archive_, position, 4) != kEndOfDirectory) continue;
    if (position + kEndOfDirectorySize + integer(archive_, position + 20, 2) != archive_.size()) continue;
    uint64_t count = integer(archive_, position + 10, 2);
    uint64_t size = integer(archive_, position + 12, 4);
    uint64_t offset = integer(archive_, position + 16, 4);
    if (count == kMax16 || size == kMax32 || offset == kMax32) {
      if (position < kZip64LocatorSize || integer(archive_, position - kZip64LocatorSize, 4) != kZip64Locator) {
        fail("{}: the zip64 locator is missing", source_);
      }
      const Bytes record = window(integer(archive_, position - kZip64LocatorSize + 8, 8), kZip64EndOfDirectorySize,
                                  "zip64 end of directory");
      if (integer(record, 0, 4) != kZip64EndOfDirectory) fail("{}: the zip64 end of directory is damaged", source_);
      count = integer(record, 32, 8);
      size = integer(record, 40, 8);
      offset = integer(record, 48, 8);
    }
    read_directory(offset, size, count);
    return;
  }
  fail("{}: not a zip archive (no end of directory found; the file may be truncated)", source_);
}

Bytes ZipReader::window(uint64_t offset, uint64_t size, std::string_view what) const {
  if (offset > archive_.size() || size > archive_.size() - offset) {
    fail("{}: {} at offset {} with {} bytes lies outside the file of {} bytes", source_, what, offset, size,
         archive_.size());
  }
  return archive_.subspan(offset, size);
}

void ZipReader::read_directory(uint64_t offset, uint64_t size, uint64_t count) {
  const Bytes directory = window(offset, size, "the directory");
  if (count > directory.size() / kCentralHeaderSize)
    fail("{}: the directory is too small for its {} entries", source_, count);
  size_t position = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const Bytes rest = directory.subspan(position);
    if (rest.size() < kCentralHeaderSize || integer(rest, 0, 4) != kCentralHeader) {
      fail("{}: directory entry {} is damaged", source_, i);
    }
    const uint64_t name_size = integer(rest, 28, 2);
    const uint64_t extra_size = integer(rest, 30, 2);
    const uint64_t record_size = kCentralHeaderSize + name_size + extra_size + integer(rest, 32, 2);
    if (record_size > rest.size()) fail("{}: directory entry {} reaches past the directory", source_, i);
    std::string name(reinterpret_cast<const char*>(rest.data()) + kCentralHeaderSize, name_size);
    Entry entry;
    entry.method = static_cast<uint16_t>(integer(rest, 10, 2));
    entry.crc = static_cast<uint32_t>(integer(rest, 16, 4));
    entry.stored_size = integer(rest, 20, 4);
    entry.size = integer(rest, 24, 4);
    entry.header = integer(rest, 42, 4);
    if ((integer(rest, 8, 2) & kEncryptedFlag) != 0) fail("{}: entry {} is encrypted", source_, name);
    // Zip64 values stand in this order, each only where the plain field is all ones.
    const Bytes extra = rest.subspan(kCentralHeaderSize + name_size, extra_size);
    for (size_t at = 0; at + 4 <= extra.size();) {
      const uint64_t field_size = integer(extra, at + 2, 2);
      if (field_size > extra.size() - at - 4) fail("{}: the extra field of entry {} is damaged", source_, name);
      if (integer(extra, at, 2) == kZip64Extra) {
        const Bytes field = extra.subspan(at + 4, field_size);
        size_t used = 0;
        for (uint64_t* value : {&entry.size, &entry.stored_size, &entry.header}) {
          if (*value != kMax32) continue;
          if (used + 8 > field.size()) fail("{}: the zip64 field of entry {} is damaged", source_, name);
          *value = integer(field, used, 8);
          used += 8;
        }
      }
      at += 4 + field_size;
    }
    if (!entries_.emplace(name, entry).second) fail("{}: entry {} appears twice", source_, name);
    names_.push_back(std::move(name));
    position += record_size;
  }
}

bool ZipReader::contains(std::string_view name) const { return entries_.contains(std::string(name)); }

const ZipReader::Entry& ZipReader::entry(std::string_view name) const {
  const auto found = entries_.find(std::string(name));
  if (found == entries_.end()) fail("{}: no entry {}", source_, name);
  return found->second;
}

Bytes ZipReader::raw(std::string_view name, const Entry& entry) const {
  const Bytes header = window(entry.header, kLocalHeaderSize, name);
  if (integer(header, 0, 4) != kLocalHeader) fail("{}: the header of entry {} is damaged", source_, name);
  const uint64_t skip = kLocalHeaderSize + integer(header, 26, 2) + integer(header, 28, 2);
  return window(entry.header + skip, entry.stored_size, name);
}

Bytes ZipReader::stored(std::string_view name) const {
  const Entry& found = entry(name);
  if (found.method != kStored || found.size != found.stored_size) {
    fail("{}: entry {} is compressed (method {}); weights must be stored", source_, name, found.method);
  }
  return raw(name, found);
}

std::string ZipReader::text(std::string_view name, uint64_t limit) const {
  const Entry& found = entry(name);
  if (found.size > limit || found.stored_size > limit) {
    fail("{}: entry {} has {} bytes, more than the {} allowed", source_, name, std::max(found.size, found.stored_size),
         limit);
  }
  const Bytes bytes = raw(name, found);
  std::string result;
  if (found.method == kStored && found.size == found.stored_size) {
    result.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else if (found.method == kDeflated) {
    // Deflate cannot shrink below 1/1032: a larger claim is a fault, found before the memory is asked for.
    if (found.size / 1032 > found.stored_size) fail("{}: entry {} claims an impossible size", source_, name);
    result = inflate_raw(bytes, found.size, fmt::format("{}: entry {}", source_, name));
  } else {
    fail("{}: entry {} has compression method {}, expected stored or deflated", source_, name, found.method);
  }
  if (libdeflate_crc32(0, result.data(), result.size()) != found.crc) {
    fail("{}: entry {} is damaged (checksum mismatch)", source_, name);
  }
  return result;
}

}  // namespace exformer::pt2
