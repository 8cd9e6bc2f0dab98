// The safetensors reader on files written by hand, good and malformed in every way.
#include "exformer/checkpoint/safetensors.h"

#include <gmock/gmock.h>

#include <cstring>

#include "base/python.h"
#include "checkpoint/sample_files.h"

namespace exformer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::one_tensor;
using ::testing::Pair;
using testing::safetensors;
using testing::TemporaryDirectory;
using testing::write_file;

std::shared_ptr<const SafetensorsFile> parse(const std::string& contents) {
  auto owner = std::make_shared<const std::string>(contents);
  return SafetensorsFile::parse(std::as_bytes(std::span(owner->data(), owner->size())), owner, "test.safetensors");
}

std::string fault_of(const std::string& contents, ErrorKind kind = ErrorKind::Failed) {
  const std::string message = error_of([&] { parse(contents); }, kind);
  EXPECT_THAT(message, HasSubstr("test.safetensors"));
  return message;
}

/// A header with one tensor "a" of the given fields, and four bytes of data.
std::string with_fields(const std::string& fields) { return safetensors("{\"a\":{" + fields + "}}", "abcd"); }

TEST(SafetensorsRead, GivesNamesTypesSizesAndBytes) {
  const TemporaryDirectory directory;
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"BF16","shape":[2,1],"data_offsets":[8,12]},"e":{"dtype":"F32","shape":[3,0],"data_offsets":[12,12]}}  )";
  write_file(directory / "x", safetensors(header, std::string("\x07\0\0\0\0\0\0\0\x80\x3f\0\x40", 12)));
  const auto file = SafetensorsFile::open(directory / "x");
  EXPECT_THAT(file->metadata(), ElementsAre(Pair("format", "pt")));
  EXPECT_EQ(file->entries().size(), 3U);
  EXPECT_EQ(file->tensor("b").item_int(), 7);
  EXPECT_TRUE(file->tensor("b").sizes().empty());
  EXPECT_EQ(file->tensor("a").dtype(), DType::BFloat16);
  EXPECT_THAT(file->tensor("a").sizes(), ElementsAre(2, 1));
  EXPECT_EQ(file->tensor("a").item_double(1), 2.0);
  EXPECT_EQ(file->tensor("e").element_count(), 0);
  EXPECT_EQ(file->entries().at("a").file_offset, 8 + header.size() + 8);
  EXPECT_EQ(file->entries().at("a").byte_size, 4U);
}

TEST(SafetensorsRead, GivesViewsOfTheMapping) {
  const TemporaryDirectory directory;
  write_file(directory / "x", one_tensor("a"));
  const auto file = SafetensorsFile::open(directory / "x");
  EXPECT_EQ(file->tensor("a").raw(), file->tensor("a").raw());
  ASSERT_NE(file->tensor("a").mapping(), nullptr);
  EXPECT_EQ(file->tensor("a").mapping()->path(), directory / "x");
}

TEST(SafetensorsRead, KeepsTheFileOfATensorOpen) {
  const TemporaryDirectory directory;
  write_file(directory / "x", one_tensor("a"));
  HostTensor tensor = SafetensorsFile::open(directory / "x")->tensor("a");
  std::filesystem::remove(directory / "x");
  EXPECT_EQ(tensor.item_double(1), 2.0);
}

TEST(SafetensorsRead, AcceptsUnpaddedHeaders) {
  for (const char* padding : {"", " ", "  ", "   "}) {
    const auto file =
        parse(safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})" + std::string(padding),
                          std::string("\0\0\x80\x3f", 4)));
    EXPECT_EQ(file->tensor("a").item_double(), 1.0);
    EXPECT_TRUE(file->tensor("a").aligned().is_aligned());
  }
}

TEST(SafetensorsRead, AcceptsAFileWithoutTensors) {
  EXPECT_TRUE(parse(safetensors("{}", ""))->entries().empty());
  EXPECT_TRUE(parse(safetensors(R"({"__metadata__":null})", ""))->metadata().empty());
}

TEST(SafetensorsRead, AcceptsEmptyTensorsAnywhere) {
  const auto file = parse(safetensors(
      R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("c":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"d":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]}})",
      "abcd"));
  EXPECT_EQ(file->entries().size(), 4U);
}

TEST(SafetensorsFaults, TruncatedFiles) {
  EXPECT_THAT(fault_of(""), HasSubstr("too few"));
  EXPECT_THAT(fault_of("1234567"), HasSubstr("too few"));
  const std::string whole = one_tensor("a");
  EXPECT_THAT(fault_of(whole.substr(0, 20)), HasSubstr("truncated"));
  EXPECT_THAT(fault_of(whole.substr(0, whole.size() - 1)), HasSubstr("outside the file"));
  EXPECT_THAT(fault_of(whole + "x"), HasSubstr("belong to no tensor"));
  for (size_t size = 0; size < whole.size(); ++size) fault_of(whole.substr(0, size));
}

TEST(SafetensorsFaults, OversizedHeaders) {
  EXPECT_THAT(fault_of(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10)), HasSubstr("above the limit"));
  EXPECT_THAT(fault_of(std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10)), HasSubstr("above the limit"));  // 100,000,001
  EXPECT_THAT(fault_of(std::string("\0\xe1\xf5\x05\0\0\0\0{}", 10)), HasSubstr("truncated"));
  EXPECT_THAT(fault_of(std::string("\x03\0\0\0\0\0\0\0{}", 10)), HasSubstr("truncated"));
}

TEST(SafetensorsFaults, HeadersThatAreNoObject) {
  for (const char* header : {"", " ", "[]", "1", "null", "\"a\"", "{", "{}x", "{\"a\"}"})
    fault_of(safetensors(header, ""));
  EXPECT_THAT(fault_of(safetensors("[]", "")), HasSubstr("not a JSON object"));
  EXPECT_THAT(fault_of(safetensors("{", "")), HasSubstr("not valid JSON"));
  EXPECT_THAT(fault_of(safetensors("{\"\xff\":1}", "")), HasSubstr("not valid JSON"));
  EXPECT_THAT(fault_of(safetensors(std::string(100000, '['), "")), HasSubstr("nested"));
  EXPECT_THAT(fault_of(safetensors("{\"a\":" + std::string(100000, '{'), "")), HasSubstr("not valid JSON"));
}

TEST(SafetensorsFaults, DuplicateNames) {
  const std::string field = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_THAT(fault_of(safetensors("{" + field + "," + field + "}", "abcd")),
              AllOf(HasSubstr("'a'"), HasSubstr("twice")));
}

TEST(SafetensorsFaults, MetadataThatAreNoStrings) {
  EXPECT_THAT(fault_of(safetensors(R"({"__metadata__":[]})", "")), HasSubstr("__metadata__"));
  EXPECT_THAT(fault_of(safetensors(R"({"__metadata__":{"a":1}})", "")), HasSubstr("__metadata__"));
}

TEST(SafetensorsFaults, MissingOrMistypedFields) {
  EXPECT_THAT(fault_of(safetensors(R"({"a":1})", "")), HasSubstr("'a' lacks"));
  EXPECT_THAT(fault_of(with_fields(R"("shape":[1],"data_offsets":[0,4])")), HasSubstr("lacks"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","data_offsets":[0,4])")), HasSubstr("lacks"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[1])")), HasSubstr("lacks"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":1,"shape":[1],"data_offsets":[0,4])")), HasSubstr("dtype"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":1,"data_offsets":[0,4])")), HasSubstr("shape"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":["1"],"data_offsets":[0,4])")), HasSubstr("size"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[1],"data_offsets":4)")), HasSubstr("data_offsets"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,8])")), HasSubstr("data_offsets"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[1],"data_offsets":[-4,0])")), HasSubstr("data_offsets"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[1],"data_offsets":[0.0,4.0])")),
              HasSubstr("data_offsets"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[1],"data_offsets":[NaN,4])")), HasSubstr("data_offsets"));
}

TEST(SafetensorsFaults, UnknownDtypesAreUnsupported) {
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F7","shape":[1],"data_offsets":[0,4])"), ErrorKind::Unsupported),
              HasSubstr("F7"));
}

TEST(SafetensorsFaults, SizesThatDoNotFitTheBytes) {
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])")),
              AllOf(HasSubstr("4 bytes"), HasSubstr("need 8")));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F64","shape":[1],"data_offsets":[0,4])")), HasSubstr("need 8"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[],"data_offsets":[0,0])")), HasSubstr("need 4"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[0],"data_offsets":[0,4])")), HasSubstr("need 0"));
}

TEST(SafetensorsFaults, NegativeAndHugeSizes) {
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])")), HasSubstr("negative"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4])")),
              HasSubstr("too large"));
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[99999999999999999999999],"data_offsets":[0,4])")),
              HasSubstr("too large"));
  // The product of these is 4 modulo 2^64.
  EXPECT_THAT(fault_of(with_fields(R"("dtype":"F32","shape":[4294967296,4294967296,1],"data_offsets":[0,4])")),
              HasSubstr("too large"));
  EXPECT_THAT(fault_of(with_fields(
                  R"("dtype":"F32","shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[0,0])")),
              HasSubstr("too large"));
  std::string many = "1";
  for (int i = 0; i < 100; ++i) many += ",1";
  EXPECT_THAT(fault_of(with_fields("\"dtype\":\"F32\",\"shape\":[" + many + "],\"data_offsets\":[0,4]")),
              HasSubstr("shape"));
}

TEST(SafetensorsFaults, OffsetsThatOverlapLeaveHolesOrLieOutside) {
  const auto two = [](const std::string& first, const std::string& second) {
    return safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + first +
                           "},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + second + "}}",
                       "abcdefgh");
  };
  EXPECT_EQ(parse(two("[4,8]", "[0,4]"))->entries().size(), 2U);
  EXPECT_THAT(fault_of(two("[0,4]", "[2,6]")), AllOf(HasSubstr("'b'"), HasSubstr("overlaps")));
  EXPECT_THAT(fault_of(two("[0,4]", "[0,4]")), HasSubstr("overlaps"));
  EXPECT_THAT(fault_of(two("[0,4]", "[8,12]")), HasSubstr("outside"));
  EXPECT_THAT(fault_of(two("[0,4]", "[8,4]")), HasSubstr("outside"));
  EXPECT_THAT(fault_of(two("[0,4]", "[18446744073709551612,18446744073709551616]")), HasSubstr("data_offsets"));
  EXPECT_THAT(fault_of(safetensors(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", "ab")),
              HasSubstr("hole"));
  EXPECT_THAT(
      fault_of(safetensors(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
          "abc")),
      HasSubstr("hole"));
}

TEST(SafetensorsFaults, AnUnknownName) {
  EXPECT_THAT(error_of([] { parse(one_tensor("a"))->tensor("b"); }), HasSubstr("no tensor 'b'"));
}

TEST(SafetensorsRead, TakesLinearTimeInTheNumberOfTensors) {
  std::string header = "{";
  for (int i = 0; i < 100000; ++i) {
    header += fmt::format("{}\"model.layers.{}\":{{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[{},{}]}}",
                          i ? "," : "", i, i, i + 1);
  }
  EXPECT_EQ(parse(safetensors(header + "}", std::string(100000, 'x')))->entries().size(), 100000U);
}

TEST(ReadSafetensors, KeepsTheOrderOfTheMetadata) {
  const TemporaryDirectory directory;
  const auto write = [&](const std::string& order) {
    const std::string metadata = order.empty() ? "" : "\"__metadata__\":{\"order\":\"" + order + "\"},";
    write_file(directory / "x",
               safetensors("{" + metadata +
                               R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],)"
                               R"("data_offsets":[1,2]},"c":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                           "xyz"));
  };
  const auto names = [&] {
    std::string text;
    for (const auto& [name, tensor] : read_safetensors(directory / "x")) text += name;
    return text;
  };
  write("");
  EXPECT_EQ(names(), "abc");
  write(R"([\"c\",\"a\"])");
  EXPECT_EQ(names(), "cab");
  write(R"([\"c\",\"a\",\"c\"])");
  EXPECT_EQ(names(), "cab");
  write(R"([\"d\"])");
  EXPECT_THAT(error_of(names), HasSubstr("no tensor \"d\""));
  for (const char* order : {"{}", "[1]"}) {
    write(order);
    EXPECT_THAT(error_of(names), HasSubstr("not a list of names"));
  }
  write("[");
  EXPECT_THAT(error_of(names), HasSubstr("not valid JSON"));
}

TEST(SafetensorsRead, ReadsWhatTheReferenceWrites) {
  SKIP_WITHOUT_PYTHON();
  const TemporaryDirectory directory;
  testing::run_python(R"(
import torch
from safetensors.torch import save_file
names = ['bool', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float8_e4m3fn', 'float8_e5m2',
         'float16', 'bfloat16', 'float32', 'float64']
save_file({n: torch.arange(-3, 3).abs().to(getattr(torch, n)).reshape(2, 3) for n in names} |
          {'scalar': torch.tensor(5), 'empty': torch.zeros(2, 0)}, 'x', metadata={'format': 'pt'})
)",
                      directory.path());
  const auto file = SafetensorsFile::open(directory / "x");
  EXPECT_EQ(file->entries().size(), 17U);
  for (const auto& [name, entry] : file->entries()) {
    if (name == "scalar" || name == "empty") continue;
    EXPECT_EQ(dtype_name(entry.dtype), name);
    EXPECT_THAT(entry.sizes, ElementsAre(2, 3));
    const double first = name == "bool" ? 1 : 3;
    EXPECT_EQ(file->tensor(name).item_double(0), first) << name;
    EXPECT_EQ(file->tensor(name).item_double(3), 0) << name;
  }
  EXPECT_EQ(file->tensor("scalar").item_int(), 5);
  EXPECT_EQ(file->tensor("empty").element_count(), 0);
}

}  // namespace
}  // namespace exformer
