// Two copies of one weight.
#include "exformer/tensor/same_bytes.h"

#include <gtest/gtest.h>

namespace exformer {
namespace {

TEST(SameBytes, NeedsDtypeSizesAndBytes) {
  const HostTensor a = HostTensor::from<float>(DType::Float32, {2, 2}, {1, 2, 3, 4});
  EXPECT_TRUE(has_same_bytes(a, a));
  EXPECT_TRUE(has_same_bytes(a, HostTensor::from<float>(DType::Float32, {2, 2}, {1, 2, 3, 4})));
  EXPECT_FALSE(has_same_bytes(a, HostTensor::from<float>(DType::Float32, {2, 2}, {1, 2, 3, 5})));
  EXPECT_FALSE(has_same_bytes(a, HostTensor::from<float>(DType::Float32, {4}, {1, 2, 3, 4})));
  EXPECT_FALSE(has_same_bytes(a, a.to(DType::Float64)));
}

TEST(SameBytes, ReadsBeyondTheFirstBlock) {
  const int64_t count = (int64_t{9} << 20) / 4;
  const HostTensor zeros = HostTensor::zeros(DType::Float32, {count});
  HostTensor other = HostTensor::zeros(DType::Float32, {count});
  EXPECT_TRUE(has_same_bytes(zeros, other));
  other.data<float>()[count - 1] = 1;
  EXPECT_FALSE(has_same_bytes(zeros, other));
}

}  // namespace
}  // namespace exformer
