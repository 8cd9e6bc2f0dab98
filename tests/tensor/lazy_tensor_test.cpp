#include "exformer/tensor/lazy_tensor.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/test_files.h"

namespace exformer {
namespace {

std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string streamed(const LazyTensor& tensor) {
  std::string result;
  tensor.stream([&](Bytes bytes) { result += as_text(bytes); });
  return result;
}

HostTensor halves(int64_t count) {
  HostTensor tensor = HostTensor::empty(DType::Float32, {count});
  for (int64_t i = 0; i < count; ++i) tensor.data<float>()[i] = static_cast<float>(i) / 2.0F;
  return tensor;
}

std::string text_of(const HostTensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.raw()), tensor.byte_size()};
}

// In elements of two bytes; from four blocks on a second thread takes part.
constexpr int64_t kBlock = 256 << 10;

TEST(LazyTensorStream, ConvertsBlockByBlock) {
  for (const int64_t count : {int64_t{1}, kBlock - 1, kBlock, kBlock + 1, 4 * kBlock, 5 * kBlock + 7}) {
    const HostTensor source = halves(count);
    EXPECT_TRUE(streamed(LazyTensor(source, DType::BFloat16)) == text_of(source.to(DType::BFloat16))) << count;
  }
}

TEST(LazyTensorStream, ShowsEachBlockOnceBeforeItIsUsed) {
  for (const int64_t count : {int64_t{10}, 9 * kBlock + 1}) {
    const HostTensor source = halves(count);
    std::string seen, used;
    std::mutex mutex;
    LazyTensor(source, DType::Float16)
        .stream(
            [&](Bytes block) {
              const std::lock_guard lock(mutex);
              used += as_text(block);
              EXPECT_TRUE(seen.starts_with(used));
            },
            [&](Bytes block) {
              const std::lock_guard lock(mutex);
              seen += as_text(block);
            });
    EXPECT_TRUE(seen == used);
    EXPECT_TRUE(used == text_of(source.to(DType::Float16)));
  }
}

TEST(LazyTensorStream, EndsWithTheErrorOfItsSink) {
  const HostTensor source = halves(16 * kBlock);
  int calls = 0;
  EXPECT_THROW(LazyTensor(source, DType::Float16).stream([&](Bytes) {
    if (++calls == 3) fail("the disk is full");
  }),
               ExportError);
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(streamed(LazyTensor(source, DType::Float16)) == text_of(source.to(DType::Float16)));
}

TEST(LazyTensorStream, MayBeUsedInASink) {
  const HostTensor outer = halves(5 * kBlock), inner = halves(5 * kBlock + 1);
  std::string result;
  LazyTensor(outer, DType::Float16).stream([&](Bytes block) {
    EXPECT_TRUE(streamed(LazyTensor(inner, DType::BFloat16)) == text_of(inner.to(DType::BFloat16)));
    result += as_text(block);
  });
  EXPECT_TRUE(result == text_of(outer.to(DType::Float16)));
}

TEST(LazyTensorStream, PassesBytesThroughWithoutConversion) {
  const HostTensor source = halves(100);
  EXPECT_EQ(streamed(LazyTensor(source)), text_of(source));
  EXPECT_EQ(LazyTensor(source).direct_bytes()->data(), source.raw());
  EXPECT_FALSE(LazyTensor(source, DType::Float16).direct_bytes());
}

TEST(LazyTensorStream, GivesNothingForAnEmptyTensor) {
  EXPECT_EQ(streamed(LazyTensor(HostTensor::empty(DType::Float32, {0}), DType::Float16)), "");
  EXPECT_EQ(LazyTensor(HostTensor::empty(DType::Float32, {0}), DType::Float16).byte_size(), 0U);
}

TEST(LazyTensorStream, HandlesUnalignedSources) {
  const testing::TemporaryDirectory directory;
  const HostTensor source = halves(5000);
  testing::write_file(directory / "a", "x" + text_of(source));
  const auto file = MappedFile::open(directory / "a");
  const HostTensor view = HostTensor::view_of(DType::Float32, {5000}, file->bytes().subspan(1), file);
  ASSERT_FALSE(view.is_aligned());
  EXPECT_EQ(streamed(LazyTensor(view, DType::Float16)), text_of(source.to(DType::Float16)));
  EXPECT_EQ(streamed(LazyTensor(view)), text_of(source));
  EXPECT_TRUE(LazyTensor(view).materialize().is_aligned());
  EXPECT_EQ(text_of(LazyTensor(view).materialize()), text_of(source));
}

size_t resident_kilobytes(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    size_t size = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      inside = reinterpret_cast<uintptr_t>(address) >= begin && reinterpret_cast<uintptr_t>(address) < end;
    } else if (inside && std::sscanf(line.c_str(), "Rss: %zu kB", &size) == 1) {
      return size;
    }
  }
  return 0;
}

TEST(LazyTensorStream, GivesMappedPagesBack) {
  const testing::TemporaryDirectory directory;
  constexpr int64_t kCount = int64_t{4} << 20;
  testing::write_file(directory / "a", std::string(static_cast<size_t>(kCount) * 4, '\1'));
  for (const DType dtype : {DType::Float16, DType::Float32}) {
    const auto file = MappedFile::open(directory / "a");
    size_t most = 0;
    LazyTensor(HostTensor::view_of(DType::Float32, {kCount}, file->bytes(), file), dtype).stream([&](Bytes bytes) {
      volatile std::byte last = bytes.back();
      (void)last;
      most = std::max(most, resident_kilobytes(file->bytes().data()));
    });
    EXPECT_LT(most, 6000U);  // of 16384: two blocks' source, and what the kernel maps around a fault
    EXPECT_LT(resident_kilobytes(file->bytes().data()), 2000U);
  }
}

TEST(LazyTensorMaterialize, DoesNotCopyWithoutNeed) {
  const HostTensor source = halves(4);
  EXPECT_EQ(LazyTensor(source).materialize().raw(), source.raw());
  EXPECT_EQ(LazyTensor(source, DType::Float16).materialize().dtype(), DType::Float16);
}

TEST(LazyTensorStorageKey, TellsContentsApart) {
  const HostTensor source = halves(4);
  EXPECT_EQ(LazyTensor(source).storage_key(), LazyTensor(source.reshaped({2, 2})).storage_key());
  EXPECT_NE(LazyTensor(source).storage_key(), LazyTensor(source, DType::Float16).storage_key());
  EXPECT_NE(LazyTensor(source).storage_key(), LazyTensor(halves(4)).storage_key());
  const HostTensor bits = HostTensor::view_of(DType::Int32, {4}, source.bytes(), source.owner());
  EXPECT_NE(LazyTensor(source, DType::Float16).storage_key(), LazyTensor(bits, DType::Float16).storage_key());
}

TEST(LazyTensor, MakesAStridedSourceContiguous) {
  const HostTensor source = halves(6).as_strided({2}, {3}, 0);
  EXPECT_EQ(LazyTensor(source).materialize().item_double(1), 1.5);
  EXPECT_EQ(LazyTensor(source).byte_size(), 8U);
}

}  // namespace
}  // namespace exformer
