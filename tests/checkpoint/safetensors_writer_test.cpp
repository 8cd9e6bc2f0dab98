// The safetensors writer against bytes that the reference wrote, and against the reference itself where Python is
// there.
#include <gmock/gmock.h>

#include "base/python.h"
#include "exformer/checkpoint/safetensors.h"

namespace exformer {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::read_file;
using testing::TemporaryDirectory;

using Tensors = std::vector<std::pair<std::string, HostTensor>>;

TEST(SafetensorsWrite, HasTheReferencesLayout) {
  const TemporaryDirectory directory;
  const Tensors tensors = {{"b", HostTensor::from<float>(DType::Float32, {2}, {1.0F, 2.0F})},
                           {"a", HostTensor::from<float>(DType::Float32, {}, {-1.0F})},
                           {"c", HostTensor::from<int64_t>(DType::Int64, {1}, {7})},
                           {"d", HostTensor::from<uint8_t>(DType::Bool, {1, 2}, {1, 0})}};
  write_safetensors(directory / "x", tensors, {.keep_order = false});
  // safetensors 0.8.0: save({"b": tensor([1., 2.]), "a": tensor(-1.), "c": tensor([7]), "d": tensor([[True, False]])})
  const std::string header =
      R"({"c":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
      R"("b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},"d":{"dtype":"BOOL","shape":[1,2],"data_offsets":[20,22]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  std::string expected = {static_cast<char>(padded.size()), 0, 0, 0, 0, 0, 0, 0};
  expected += padded + std::string("\x07\0\0\0\0\0\0\0\0\0\x80\xbf\0\0\x80\x3f\0\0\0\x40\x01\0", 22);
  EXPECT_EQ(read_file(directory / "x"), expected);
}

TEST(SafetensorsWrite, KeepsTheOrderGiven) {
  const TemporaryDirectory directory;
  const HostTensor tensor = HostTensor::zeros(DType::Float32, {1});
  write_safetensors(directory / "x", {{"z", tensor}, {"a", tensor}, {"\xc3\xa9\"", tensor}});
  const auto read = read_safetensors(directory / "x");
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0].first, "z");
  EXPECT_EQ(read[1].first, "a");
  EXPECT_EQ(read[2].first, "\xc3\xa9\"");
}

TEST(SafetensorsWrite, MakesStridedTensorsContiguous) {
  const TemporaryDirectory directory;
  const HostTensor tensor = HostTensor::from<int32_t>(DType::Int32, {2, 2}, {1, 2, 3, 4});
  write_safetensors(directory / "x", {{"a", tensor.as_strided({2, 2}, {1, 2}, 0)}});
  EXPECT_EQ(read_safetensors(directory / "x")[0].second.item_int(1), 3);
}

TEST(SafetensorsWrite, RefusesEqualAndReservedNames) {
  const TemporaryDirectory directory;
  const HostTensor tensor = HostTensor::zeros(DType::Float32, {1});
  EXPECT_THAT(error_of([&] { write_safetensors(directory / "x", {{"a", tensor}, {"a", tensor}}); }),
              HasSubstr("'a' is taken"));
  EXPECT_THAT(error_of([&] { write_safetensors(directory / "x", {{"__metadata__", tensor}}); }), HasSubstr("taken"));
}

TEST(SafetensorsWrite, RefusesDtypesThatTheFormatLacks) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_of([&] { write_safetensors(directory / "x", {{"a", HostTensor::zeros(DType::Complex128, {1})}}); },
                       ErrorKind::Unsupported),
              HasSubstr("complex128"));
}

// Every dtype, a 0-d and an empty tensor: the same bytes as the reference, which also reads them back.
TEST(SafetensorsWrite, WritesTheReferencesBytes) {
  SKIP_WITHOUT_PYTHON();
  const TemporaryDirectory directory;
  Tensors tensors;
  for (const std::string& name : dtype_names()) {
    const DType dtype = parse_dtype(name).value();
    if (is_complex(dtype)) continue;
    tensors.emplace_back(name, HostTensor::from<double>(DType::Float64, {2, 3}, {0, 1, 2, 3, 4, 5}).to(dtype));
    tensors.emplace_back("other." + name, HostTensor::from<double>(DType::Float64, {}, {1}).to(dtype));
  }
  tensors.emplace_back("empty \xc3\xa9\n\x7f/", HostTensor::zeros(DType::BFloat16, {4, 0}));
  write_safetensors(directory / "ours", tensors, {.metadata = {{"format", "pt \xe4\xb8\xad"}}, .keep_order = false});
  testing::run_python(R"(
import torch
from safetensors.torch import load_file, save_file
ours = load_file('ours')
for name, tensor in ours.items():
    if name.startswith('empty'):
        assert tensor.shape == (4, 0) and tensor.dtype == torch.bfloat16, name
    elif name.startswith('other.'):
        assert tensor.shape == () and tensor.float() == 1 and str(tensor.dtype) == 'torch.' + name[6:], name
    else:
        want = torch.arange(6.).reshape(2, 3).to(getattr(torch, name))
        assert tensor.dtype == want.dtype and torch.equal(tensor.float(), want.float()), name
assert len(ours) == 31, len(ours)
save_file(ours, 'theirs', metadata={'format': 'pt \u4e2d'})
)",
                      directory.path());
  EXPECT_EQ(read_file(directory / "ours"), read_file(directory / "theirs"));
}

}  // namespace
}  // namespace exformer
