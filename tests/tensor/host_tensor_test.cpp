#include "exformer/tensor/host_tensor.h"

#include <gmock/gmock.h>

#include <cstring>

#include "base/test_files.h"

namespace exformer {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

HostTensor counted(std::vector<int64_t> sizes) {
  HostTensor tensor = HostTensor::empty(DType::Int64, std::move(sizes));
  for (int64_t i = 0; i < tensor.element_count(); ++i) tensor.data<int64_t>()[i] = i;
  return tensor;
}

std::vector<int64_t> values(const HostTensor& tensor) {
  std::vector<int64_t> result;
  for (int64_t i = 0; i < tensor.element_count(); ++i) result.push_back(tensor.item_int(i));
  return result;
}

TEST(ContiguousStrides, CountSizesOfZeroAsOne) {
  EXPECT_THAT(contiguous_strides({2, 3, 4}), ElementsAre(12, 4, 1));
  EXPECT_THAT(contiguous_strides({2, 0, 4}), ElementsAre(4, 4, 1));
  EXPECT_TRUE(contiguous_strides({}).empty());
}

TEST(ElementCount, RefusesWhatDoesNotFit) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({int64_t{1} << 62, int64_t{1} << 62, 0}), 0);
  EXPECT_THAT(error_of([] { element_count({int64_t{1} << 62, 4}); }), HasSubstr("too many elements"));
}

TEST(HostTensorEmpty, RefusesWhatDoesNotFitIntoMemory) {
  EXPECT_THAT(error_of([] { HostTensor::empty(DType::Float64, {int64_t{1} << 60}); }), HasSubstr("out of memory"));
  EXPECT_THAT(error_of([] { HostTensor::empty(DType::Float64, {int64_t{1} << 59}); }), HasSubstr("out of memory"));
}

TEST(HostTensorEmpty, IsAligned) {
  for (int64_t size : {0, 1, 3, 1000})
    EXPECT_EQ(reinterpret_cast<uintptr_t>(HostTensor::empty(DType::Int8, {size}).raw()) % 64, 0U);
}

TEST(HostTensorDefined, TellsNoneFromEmpty) {
  EXPECT_FALSE(HostTensor().defined());
  EXPECT_TRUE(HostTensor::empty(DType::Float32, {0}).defined());
}

TEST(HostTensorContiguous, FollowsStrides) {
  const HostTensor tensor = counted({2, 3});
  const HostTensor transposed = tensor.as_strided({3, 2}, {1, 3}, 0);
  EXPECT_FALSE(transposed.is_contiguous());
  EXPECT_THAT(values(transposed), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(values(transposed.contiguous()), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(values(tensor.as_strided({2, 2}, {0, 2}, 1)), ElementsAre(1, 3, 1, 3));
  EXPECT_THAT(values(tensor.as_strided({2, 2}, {0, 2}, 1).contiguous()), ElementsAre(1, 3, 1, 3));
  EXPECT_EQ(tensor.contiguous().raw(), tensor.raw());
}

TEST(HostTensorContiguous, IgnoresStridesOfSizesOneAndZero) {
  EXPECT_TRUE(counted({2, 3}).as_strided({1, 3}, {77, 1}, 0).is_contiguous());
  EXPECT_TRUE(counted({2, 3}).as_strided({0, 3}, {5, 5}, 0).is_contiguous());
  EXPECT_TRUE(HostTensor::scalar_int(DType::Int64, 1).is_contiguous());
}

TEST(HostTensorTo, ConvertsStridedContents) {
  const HostTensor half = counted({2, 3}).as_strided({3, 2}, {1, 3}, 0).to(DType::Float16);
  EXPECT_EQ(half.dtype(), DType::Float16);
  EXPECT_TRUE(half.is_contiguous());
  EXPECT_EQ(half.item_double(1), 3.0);
}

TEST(HostTensorReshaped, SharesTheBytes) {
  const HostTensor tensor = counted({2, 3});
  EXPECT_EQ(tensor.reshaped({6}).raw(), tensor.raw());
  EXPECT_FALSE(tensor.reshaped({6}).is_same_storage(tensor));
  EXPECT_TRUE(HostTensor(tensor).is_same_storage(tensor));
}

TEST(HostTensorAligned, CopiesOnlyOddAddresses) {
  auto bytes = std::make_shared<std::vector<std::byte>>(64);
  const size_t odd = 1 + (8 - reinterpret_cast<uintptr_t>(bytes->data()) % 8) % 8;
  const float value = 2.5F;
  std::memcpy(bytes->data() + odd, &value, sizeof(value));
  const HostTensor view =
      HostTensor::view_of(DType::Float32, {1}, Bytes(*bytes).subspan(odd), std::shared_ptr<const void>(bytes));
  EXPECT_FALSE(view.is_aligned());
  EXPECT_TRUE(view.aligned().is_aligned());
  EXPECT_EQ(view.aligned().data<float>()[0], 2.5F);
  EXPECT_EQ(view.item_double(), 2.5);
  const HostTensor even = HostTensor::zeros(DType::Float32, {1});
  EXPECT_EQ(even.aligned().raw(), even.raw());
}

TEST(HostTensorView, KeepsItsOwnerAlive) {
  auto bytes = std::make_shared<std::vector<std::byte>>(8);
  const std::weak_ptr<void> watch = bytes;
  {
    const HostTensor view = HostTensor::view_of(DType::Int64, {}, Bytes(*bytes), std::shared_ptr<const void>(bytes));
    bytes.reset();
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace exformer
