#include <gmock/gmock.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>

#include "exformer/backends/pt2/zip_format.h"
#include "exformer/backends/pt2/zip_reader.h"
#include "exformer/backends/pt2/zip_writer.h"
#include "exformer/base/error.h"
#include "temporary_folder.h"

namespace exformer::pt2 {
namespace {

using exformer::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string file_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

ZipReader reader_of(const std::string& text) {
  auto owner = std::make_shared<std::string>(text);
  return {std::as_bytes(std::span(owner->data(), owner->size())), "test.zip", owner};
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ExportError& error) {
    return error.what();
  }
  return "no error";
}

std::string little(uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

struct HandEntry {
  std::string name, stored, contents;
  uint16_t method = zip::kStored;
  uint16_t flags = 0;
};

// An archive made without ZipWriter, as other tools make it.
std::string hand_made(const std::vector<HandEntry>& entries, const std::string& comment = "") {
  std::string data, directory;
  for (const HandEntry& entry : entries) {
    const uint32_t crc = static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(entry.contents.data()), static_cast<uInt>(entry.contents.size())));
    const std::string common = little(entry.flags, 2) + little(entry.method, 2) + little(0, 4) + little(crc, 4) +
                               little(entry.stored.size(), 4) + little(entry.contents.size(), 4) +
                               little(entry.name.size(), 2) + little(0, 2);
    directory += little(zip::kCentralHeader, 4) + little(20, 2) + little(20, 2) + common + little(0, 2) + little(0, 2) +
                 little(0, 2) + little(0, 4) + little(data.size(), 4) + entry.name;
    data += little(zip::kLocalHeader, 4) + little(20, 2) + common + entry.name + entry.stored;
  }
  return data + directory + little(zip::kEndOfDirectory, 4) + little(0, 4) + little(entries.size(), 2) +
         little(entries.size(), 2) + little(directory.size(), 4) + little(data.size(), 4) + little(comment.size(), 2) +
         comment;
}

std::string deflated(const std::string& text) {
  std::string out(compressBound(static_cast<uLong>(text.size())) + 16, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

LazyTensor numbers(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i) * 0.5F;
  return LazyTensor(HostTensor::from(DType::Float32, {static_cast<int64_t>(count)}, values));
}

std::string sample(const std::filesystem::path& path) {
  ZipWriter zip(path, "model");
  zip.add("archive_format", "pt2");
  zip.add("data/weights/weight_0", numbers(300000));
  zip.add("empty", "");
  zip.add("data/weights/weight_1", numbers(3));
  zip.finish();
  return file_text(path);
}

TEST(ZipWriter, RoundTripsThroughTheReader) {
  const TemporaryFolder folder;
  sample(folder / "a.zip");
  const ZipReader zip = ZipReader::open(folder / "a.zip");
  EXPECT_THAT(zip.names(), ElementsAre("model/archive_format", "model/data/weights/weight_0", "model/empty",
                                       "model/data/weights/weight_1"));
  EXPECT_EQ(zip.text("model/archive_format"), "pt2");
  EXPECT_EQ(zip.text("model/empty"), "");
  const Bytes weight = zip.stored("model/data/weights/weight_0");
  const HostTensor expected = numbers(300000).materialize();
  EXPECT_TRUE(std::ranges::equal(weight, expected.bytes()));
  // text() checks the CRC of what was streamed in blocks.
  EXPECT_EQ(zip.text("model/data/weights/weight_0").size(), weight.size());
}

TEST(ZipWriter, AlignsEveryEntryTo64Bytes) {
  const TemporaryFolder folder;
  sample(folder / "a.zip");
  const ZipReader zip = ZipReader::open(folder / "a.zip");
  for (const char* name : {"model/data/weights/weight_0", "model/data/weights/weight_1"}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(zip.stored(name).data()) % 64, 0U) << name;
  }
}

TEST(ZipWriter, GivesTheSameBytesTwice) {
  const TemporaryFolder folder;
  EXPECT_EQ(sample(folder / "a.zip"), sample(folder / "b.zip"));
}

TEST(ZipWriter, StreamsCastTensors) {
  const TemporaryFolder folder;
  ZipWriter zip(folder / "a.zip", "model");
  zip.add("half", LazyTensor(numbers(100000).materialize(), DType::BFloat16));
  zip.finish();
  EXPECT_EQ(ZipReader::open(folder / "a.zip").text("model/half").size(), 200000U);
}

TEST(ZipWriter, SaysWhichFileCannotBeMade) {
  EXPECT_THAT(message_of([] { ZipWriter("/nowhere/a.zip", "model"); }), HasSubstr("/nowhere/a.zip"));
}

TEST(ZipReader, InflatesTexts) {
  const std::string text(5000, 'x');
  const ZipReader zip = reader_of(hand_made({{"a.json", deflated(text), text, zip::kDeflated}}, "a comment"));
  EXPECT_EQ(zip.text("a.json"), text);
  EXPECT_THAT(message_of([&] { zip.text("a.json", 4999); }), HasSubstr("more than the 4999 allowed"));
  EXPECT_THAT(message_of([&] { zip.stored("a.json"); }), HasSubstr("weights must be stored"));
  EXPECT_THAT(message_of([&] { zip.text("b.json"); }), HasSubstr("no entry b.json"));
}

TEST(ZipReader, ReadsZip64Fields) {
  // A zip64 end record and locator, though nothing here needs them.
  const std::string plain = hand_made({{"a", "text", "text"}});
  const size_t end = plain.size() - zip::kEndOfDirectorySize;
  const std::string directory_size = plain.substr(end + 12, 4) + little(0, 4);
  const std::string directory_offset = plain.substr(end + 16, 4) + little(0, 4);
  const std::string record = little(zip::kZip64EndOfDirectory, 4) + little(44, 8) + little(45, 2) + little(45, 2) +
                             little(0, 8) + little(1, 8) + little(1, 8) + directory_size + directory_offset;
  const std::string locator = little(zip::kZip64Locator, 4) + little(0, 4) + little(end, 8) + little(1, 4);
  const std::string tail = little(zip::kEndOfDirectory, 4) + little(0, 4) + std::string(12, '\xff') + little(0, 2);
  EXPECT_EQ(reader_of(plain.substr(0, end) + record + locator + tail).text("a"), "text");
  EXPECT_THAT(message_of([&] { reader_of(plain.substr(0, end) + tail); }), HasSubstr("zip64 locator is missing"));
}

TEST(ZipReader, RefusesWhatIsNoArchive) {
  EXPECT_THAT(message_of([] { reader_of("PK"); }), HasSubstr("too few for a zip archive"));
  EXPECT_THAT(message_of([] { reader_of(std::string(1000, 'a')); }), HasSubstr("not a zip archive"));
}

TEST(ZipReader, RefusesDamagedAndForbiddenEntries) {
  std::string damaged = hand_made({{"a", "text", "text"}});
  damaged[zip::kLocalHeaderSize + 1] = 'X';
  EXPECT_THAT(message_of([&] { reader_of(damaged).text("a"); }), HasSubstr("checksum mismatch"));
  EXPECT_THAT(message_of([] { reader_of(hand_made({{"a", "x", "x"}, {"a", "y", "y"}})); }), HasSubstr("appears twice"));
  EXPECT_THAT(message_of([] { reader_of(hand_made({{"a", "x", "x", zip::kStored, zip::kEncryptedFlag}})); }),
              HasSubstr("is encrypted"));
  EXPECT_THAT(message_of([] { reader_of(hand_made({{"a", "xy", "text", zip::kDeflated}})).text("a"); }),
              HasSubstr("are damaged"));
  EXPECT_THAT(message_of([] { reader_of(hand_made({{"a", "x", std::string(5000, 'y'), zip::kDeflated}})).text("a"); }),
              HasSubstr("impossible size"));
  EXPECT_THAT(message_of([] { reader_of(hand_made({{"a", "x", "x", 12}})).text("a"); }),
              HasSubstr("compression method 12"));
}

TEST(ZipReader, RefusesEveryTruncation) {
  const std::string whole = hand_made({{"a.json", "{}", "{}"}, {"b", std::string(100, 'b'), std::string(100, 'b')}});
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW(reader_of(whole.substr(0, size)), ExportError) << size;
}

TEST(ZipReader, NeverReadsOutsideADamagedArchive) {
  const std::string whole = hand_made({{"a.json", "{}", "{}"}, {"b", std::string(40, 'b'), std::string(40, 'b')}});
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    try {
      const ZipReader zip = reader_of(damaged);
      for (const std::string& name : zip.names()) {
        const Bytes bytes = zip.stored(name);
        unsigned sum = 0;
        for (const std::byte byte : bytes) sum += static_cast<unsigned>(byte);
        EXPECT_GE(sum, 0U);
      }
    } catch (const ExportError&) {
    }
  }
}

}  // namespace
}  // namespace exformer::pt2
