#include "exformer/backends/pt2/zip_writer.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "exformer/backends/pt2/zip_format.h"
#include "exformer/base/error.h"

namespace exformer::pt2 {
namespace {

using namespace zip;

constexpr size_t kAlignment = 64;  // kFieldAlignment of torch's caffe2/serialize/inline_container.h
constexpr uint16_t kVersionPlain = 20;
constexpr uint16_t kVersionZip64 = 45;
constexpr uint16_t kFixedTime = 0;
constexpr uint16_t kFixedDate = 0x21;  // 1980-01-01

// Little-endian fields, whatever the machine is.
class Fields {
 public:
  Fields& u16(uint64_t value) { return put(value, 2); }
  Fields& u32(uint64_t value) { return put(value, 4); }
  Fields& u64(uint64_t value) { return put(value, 8); }
  Fields& text(std::string_view value) {
    bytes_.append(value);
    return *this;
  }
  Fields& fill(size_t count) {
    bytes_.append(count, '\0');
    return *this;
  }
  size_t size() const { return bytes_.size(); }
  const std::string& bytes() const { return bytes_; }

 private:
  Fields& put(uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
    return *this;
  }
  std::string bytes_;
};

}  // namespace

ZipWriter::ZipWriter(const std::filesystem::path& path, std::string root) : file_(path), root_(std::move(root)) {}

ZipWriter::Entry& ZipWriter::begin(std::string_view name, uint64_t size) {
  Entry& entry = entries_.emplace_back();
  entry.name = fmt::format("{}/{}", root_, name);
  EXFORMER_ASSERT(entry.name.size() < kMax16 / 2);
  entry.offset = file_.offset();
  entry.size = size;
  const bool zip64 = size >= kMax32;
  Fields extra;
  if (zip64) extra.u16(kZip64Extra).u16(16).u64(size).u64(size);
  const uint64_t unpadded = entry.offset + kLocalHeaderSize + entry.name.size() + extra.size() + 4;
  const size_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  extra.u16(kPaddingExtra).u16(padding).fill(padding);
  Fields header;
  header.u32(kLocalHeader)
      .u16(zip64 ? kVersionZip64 : kVersionPlain)
      .u16(kUtf8Flag)
      .u16(kStored)
      .u16(kFixedTime)
      .u16(kFixedDate);
  header.u32(0);  // the CRC, patched by end()
  header.u32(zip64 ? kMax32 : size).u32(zip64 ? kMax32 : size).u16(entry.name.size()).u16(extra.size());
  header.text(entry.name).text(extra.bytes());
  file_.write(header.bytes());
  return entry;
}

void ZipWriter::end(const Entry& entry) {
  std::array<std::byte, 4> crc{};
  for (size_t i = 0; i < crc.size(); ++i) crc[i] = static_cast<std::byte>((entry.crc >> (8 * i)) & 0xff);
  file_.write_at(entry.offset + kLocalCrcOffset, crc);
}

void ZipWriter::add(std::string_view name, std::string_view text) {
  Entry& entry = begin(name, text.size());
  entry.crc = libdeflate_crc32(0, text.data(), text.size());
  file_.write(text);
  end(entry);
}

void ZipWriter::add(std::string_view name, const LazyTensor& tensor) {
  Entry& entry = begin(name, tensor.byte_size());
  const uint64_t start = file_.offset();
  tensor.stream([&](Bytes block) { file_.write(block); },
                [&](Bytes block) { entry.crc = libdeflate_crc32(entry.crc, block.data(), block.size()); });
  EXFORMER_ASSERT(file_.offset() - start == entry.size);
  end(entry);
}

void ZipWriter::finish() {
  const uint64_t directory = file_.offset();
  std::string records;
  for (const Entry& entry : entries_) {
    const bool big_size = entry.size >= kMax32;
    const bool big_offset = entry.offset >= kMax32;
    Fields extra;
    if (big_size || big_offset) {
      extra.u16(kZip64Extra).u16((big_size ? 16 : 0) + (big_offset ? 8 : 0));
      if (big_size) extra.u64(entry.size).u64(entry.size);
      if (big_offset) extra.u64(entry.offset);
    }
    const uint16_t version = extra.size() > 0 ? kVersionZip64 : kVersionPlain;
    Fields record;
    record.u32(kCentralHeader)
        .u16(version)
        .u16(version)
        .u16(kUtf8Flag)
        .u16(kStored)
        .u16(kFixedTime)
        .u16(kFixedDate)
        .u32(entry.crc);
    record.u32(big_size ? kMax32 : entry.size).u32(big_size ? kMax32 : entry.size);
    record.u16(entry.name.size()).u16(extra.size()).u16(0).u16(0).u16(0).u32(0).u32(big_offset ? kMax32 : entry.offset);
    record.text(entry.name).text(extra.bytes());
    records += record.bytes();
  }
  Fields tail;
  const uint64_t count = entries_.size();
  if (count >= kMax16 || records.size() >= kMax32 || directory >= kMax32) {
    const uint64_t position = directory + records.size();
    tail.u32(kZip64EndOfDirectory)
        .u64(kZip64EndOfDirectorySize - 12)
        .u16(kVersionZip64)
        .u16(kVersionZip64)
        .u32(0)
        .u32(0);
    tail.u64(count).u64(count).u64(records.size()).u64(directory);
    tail.u32(kZip64Locator).u32(0).u64(position).u32(1);
  }
  const auto count16 = std::min<uint64_t>(count, kMax16);
  tail.u32(kEndOfDirectory).u16(0).u16(0).u16(count16).u16(count16);
  tail.u32(std::min<uint64_t>(records.size(), kMax32)).u32(std::min<uint64_t>(directory, kMax32)).u16(0);
  file_.write(records);
  file_.write(tail.bytes());
  file_.close();
}

}  // namespace exformer::pt2
