// Element conversions. Expected values are of IEEE 754 and the OCP 8-bit formats; with EXFORMER_PYTHON all of them are
// torch's own.
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/python.h"
#include "exformer/base/dtype.h"

namespace exformer {
namespace {

template <class To, class From>
To converted(DType from, From value, DType to) {
  To result{};
  convert_elements(from, &value, to, &result, 1);
  return result;
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(ConvertElements, RoundsFloatsToHalvesToNearestEven) {
  const std::pair<float, uint16_t> rows[] = {{0.0F, 0x0000},
                                             {-0.0F, 0x8000},
                                             {1.0F, 0x3c00},
                                             {-2.0F, 0xc000},
                                             {65504.0F, 0x7bff},
                                             {65519.996F, 0x7bff},
                                             {65520.0F, 0x7c00},
                                             {1e30F, 0x7c00},
                                             {-kInfinity, 0xfc00},
                                             {1.0F + 0x1p-11F, 0x3c00},
                                             {1.0F + 0x3p-11F, 0x3c02},
                                             {0x1p-14F, 0x0400},
                                             {0x1p-24F, 0x0001},
                                             {0x1p-25F, 0x0000},
                                             {0x1.8p-25F, 0x0001},
                                             {0x3p-25F, 0x0002},
                                             {0x1.ff8p-15F, 0x03ff},
                                             {0x1.ffcp-15F, 0x0400},
                                             {std::numeric_limits<float>::denorm_min(), 0x0000}};
  for (const auto& [value, bits] : rows)
    EXPECT_EQ(converted<uint16_t>(DType::Float32, value, DType::Float16), bits) << value;
}

TEST(ConvertElements, WidensEveryHalfExactly) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto value = converted<float>(DType::Float16, static_cast<uint16_t>(bits), DType::Float32);
    const int exponent = static_cast<int>(bits >> 10 & 31U);
    const auto mantissa = static_cast<float>(bits & 1023U);
    float expected = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024.0F + mantissa, exponent - 25);
    if (exponent == 31) expected = mantissa == 0.0F ? kInfinity : NAN;
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(value), std::bit_cast<uint32_t>(bits & 0x8000U ? -expected : expected)) << bits;
      ASSERT_EQ(converted<uint16_t>(DType::Float32, value, DType::Float16), bits);
    }
  }
}

TEST(ConvertElements, RoundsFloatsToBfloat16ToNearestEven) {
  const std::pair<uint32_t, uint16_t> rows[] = {
      {0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81}, {0x7f7fffff, 0x7f80},
      {0x7f800000, 0x7f80}, {0x7fc00001, 0x7fc0}, {0x7f800001, 0x7fc0}, {0x00000001, 0x0000}, {0x00018000, 0x0002}};
  for (const auto& [wide, bits] : rows) {
    EXPECT_EQ(converted<uint16_t>(DType::Float32, std::bit_cast<float>(wide), DType::BFloat16), bits) << wide;
  }
}

TEST(ConvertElements, KnowsTheEightBitFormats) {
  const auto e4m3 = [](uint8_t bits) { return converted<float>(DType::Float8E4M3FN, bits, DType::Float32); };
  EXPECT_EQ(e4m3(0x38), 1.0F);
  EXPECT_EQ(e4m3(0x7e), 448.0F);
  EXPECT_TRUE(std::isnan(e4m3(0x7f)));
  EXPECT_EQ(e4m3(0x01), 0x1p-9F);
  EXPECT_EQ(e4m3(0xb8), -1.0F);
  const auto e5m2 = [](uint8_t bits) { return converted<float>(DType::Float8E5M2, bits, DType::Float32); };
  EXPECT_EQ(e5m2(0x3c), 1.0F);
  EXPECT_EQ(e5m2(0x7b), 57344.0F);
  EXPECT_EQ(e5m2(0x7c), kInfinity);
  EXPECT_TRUE(std::isnan(e5m2(0x7d)));
  EXPECT_EQ(converted<uint8_t>(DType::Float32, 464.0F, DType::Float8E4M3FN), 0x7e);      // halfway: to the even one
  EXPECT_EQ(converted<uint8_t>(DType::Float32, -kInfinity, DType::Float8E4M3FN), 0xfe);  // torch saturates
  EXPECT_EQ(converted<uint8_t>(DType::Float32, NAN, DType::Float8E4M3FN) & 0x7f, 0x7f);
  EXPECT_EQ(converted<uint8_t>(DType::Float32, -61440.0F, DType::Float8E5M2), 0xfc);
}

TEST(ConvertElements, CutsFloatsToIntegers) {
  EXPECT_EQ(converted<int64_t>(DType::Float32, -2.9F, DType::Int64), -2);
  EXPECT_EQ(converted<int64_t>(DType::Float64, 9.2e18, DType::Int64), 9200000000000000000);
  EXPECT_EQ(converted<int64_t>(DType::Float64, -9223372036854775808.0, DType::Int64), INT64_MIN);
  EXPECT_EQ(converted<uint64_t>(DType::Float64, 1e19, DType::UInt64), 10000000000000000000U);
  EXPECT_EQ(converted<uint8_t>(DType::Float32, 200.7F, DType::UInt8), 200);
  EXPECT_EQ(converted<int32_t>(DType::Float64, -7.0, DType::Int32), -7);
}

TEST(ConvertElements, ReadsBoolsAsZeroAndOne) {
  EXPECT_EQ(converted<float>(DType::Bool, uint8_t{2}, DType::Float32), 1.0F);
  EXPECT_EQ(converted<uint8_t>(DType::Float32, NAN, DType::Bool), 1);
  EXPECT_EQ(converted<uint8_t>(DType::Float32, -0.0F, DType::Bool), 0);
  EXPECT_EQ(converted<uint8_t>(DType::Int64, int64_t{256}, DType::Bool), 1);
}

TEST(ConvertElements, AcceptsAnyAddressAndCount) {
  std::vector<uint8_t> source(4 * 100 + 1), target(2 * 100 + 1);
  for (size_t count : {0U, 1U, 7U, 33U, 100U}) {
    for (size_t i = 0; i < count; ++i) {
      const auto value = static_cast<float>(i);
      std::memcpy(source.data() + 1 + 4 * i, &value, 4);
    }
    convert_elements(DType::Float32, source.data() + 1, DType::BFloat16, target.data() + 1, count);
    for (size_t i = 0; i < count; ++i) {
      BFloat16 value;
      std::memcpy(&value, target.data() + 1 + 2 * i, 2);
      ASSERT_EQ(static_cast<float>(value), static_cast<float>(i));
    }
  }
}

TEST(ConvertElements, RefusesComplexNumbers) {
  EXPECT_THAT(testing::error_of([] { converted<float>(DType::Complex64, uint64_t{0}, DType::Float32); },
                                ErrorKind::Unsupported),
              ::testing::HasSubstr("complex64"));
}

// Every pair of dtypes, over all bit patterns of the small ones and a spread of the large ones. Values that do not fit
// an integer are undefined in torch and left out; so are the bits of a NaN, which differ between torch's own vector and
// scalar code.
TEST(ConvertElements, AgreesWithTorchForEveryPair) {
  SKIP_WITHOUT_PYTHON();
  const testing::TemporaryDirectory directory;
  testing::run_python(R"(
import itertools, torch
names = ['bool', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float8_e4m3fn', 'float8_e5m2',
         'float16', 'bfloat16', 'float32', 'float64']
g = torch.Generator().manual_seed(1)
def source(name):
    dtype = getattr(torch, name)
    if name == 'bool':
        return torch.tensor([False, True])
    size = dtype.itemsize
    if size <= 2:
        return torch.arange(256 ** size, dtype=torch.int32).to(torch.uint8 if size == 1 else torch.uint16).view(dtype)
    if dtype.is_floating_point:
        bits = torch.randint(-2**63, 2**63 - 1, (40000,), generator=g).view(torch.int32 if size == 4 else torch.int64).view(dtype)
        halves = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.float16).to(dtype)
        brain = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16).to(dtype)
        def ties(x):  # halfway between neighbours, and next to it
            y = torch.nextafter(x.half(), torch.tensor(9e9).half()).to(dtype)
            m = (x + y) / 2
            return torch.cat([m, torch.nextafter(m, torch.tensor(9e30, dtype=dtype)), torch.nextafter(m, torch.tensor(-9e30, dtype=dtype))])
        e4 = torch.arange(256, dtype=torch.int32).to(torch.uint8).view(torch.float8_e4m3fn).to(dtype)
        e5 = torch.arange(256, dtype=torch.int32).to(torch.uint8).view(torch.float8_e5m2).to(dtype)
        tiny = [((a[:-1] + a[1:]) / 2) * f for a in (e4, e5) for f in (1, 1 + 1e-6, 1 - 1e-6)]
        return torch.cat([bits, halves, brain, ties(halves), *tiny])
    small = torch.arange(-70000, 70000)
    large = torch.randint(-2**63, 2**63 - 1, (40000,), generator=g)
    return torch.cat([small, large]).to(torch.int64).view(torch.int64).to(dtype if size < 8 else torch.int64).view(dtype)
pairs = open('pairs', 'w')
for a in names:
    x = source(a)
    if x.dtype.is_floating_point and a != 'float64' and a != 'float32':
        wide = x.float()
    else:
        wide = x
    for b in names:
        target = getattr(torch, b)
        y = x
        if x.dtype.is_floating_point and not target.is_floating_point and b != 'bool':
            info = torch.iinfo(target)
            fits = (wide > info.min) & (wide < info.max) & ~torch.isnan(wide)
            y = x.view(torch.uint8)[fits] if x.dtype.itemsize == 1 else x[fits]
            y = y.view(x.dtype)
        y = y.contiguous()
        z = y.to(target) if not (a.startswith('float8') and not b.startswith('float') ) else y.float().to(target)
        if target.is_floating_point:
            w = z.float() if b != 'float64' else z
            isnan = torch.isnan(w)
            kind = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[z.dtype.itemsize]
            y, z = [t.view({1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[t.dtype.itemsize])[~isnan] for t in (y, z)]
        save = lambda t, f: open(f, 'wb').write(t.contiguous().view(torch.uint8).numpy().tobytes())
        save(y, f'{a}-{b}.in'), save(z, f'{a}-{b}.out')
        print(a, b, file=pairs)
)",
                      directory.path());
  std::ifstream pairs(directory / "pairs");
  int count = 0;
  for (std::string from, to; pairs >> from >> to; ++count) {
    const std::string input = testing::read_file(directory / (from + "-" + to + ".in"));
    const std::string expected = testing::read_file(directory / (from + "-" + to + ".out"));
    const DType source = parse_dtype(from).value(), target = parse_dtype(to).value();
    const size_t elements = input.size() / item_size(source);
    std::string actual(elements * item_size(target), '\0');
    convert_elements(source, input.data(), target, actual.data(), elements);
    size_t wrong = 0;
    for (size_t i = 0; i < elements; ++i) {
      const bool same = actual.compare(i * item_size(target), item_size(target), expected, i * item_size(target),
                                       item_size(target)) == 0;
      if (!same && ++wrong == 1) {
        std::string text;
        for (const char c : input.substr(i * item_size(source), item_size(source)))
          text += fmt::format("{:02x}", static_cast<uint8_t>(c));
        text += " gives ";
        for (const char c : actual.substr(i * item_size(target), item_size(target)))
          text += fmt::format("{:02x}", static_cast<uint8_t>(c));
        text += ", torch ";
        for (const char c : expected.substr(i * item_size(target), item_size(target)))
          text += fmt::format("{:02x}", static_cast<uint8_t>(c));
        ADD_FAILURE() << from << " to " << to << " at " << i << ": " << text << " (little-endian bytes)";
      }
    }
    EXPECT_EQ(wrong, 0U) << from << " to " << to << " of " << elements;
    EXPECT_GT(elements, 0U);
  }
  EXPECT_EQ(count, 15 * 15);
}

TEST(DTypeNames, AreTorchsOwn) {
  EXPECT_EQ(parse_dtype("torch.bfloat16"), DType::BFloat16);
  EXPECT_EQ(parse_dtype("bf16"), DType::BFloat16);
  EXPECT_EQ(parse_dtype("float8_e4m3fn"), DType::Float8E4M3FN);
  EXPECT_EQ(parse_dtype("float"), std::nullopt);
  EXPECT_EQ(parse_dtype(""), std::nullopt);
  for (const std::string& name : dtype_names()) EXPECT_EQ(dtype_name(parse_dtype(name).value()), name);
}

TEST(DTypeNames, FallIntoCategories) {
  EXPECT_TRUE(is_floating_point(DType::Float8E5M2) && is_floating_point(DType::Float64) &&
              !is_floating_point(DType::Complex64));
  EXPECT_TRUE(is_complex(DType::Complex128) && !is_complex(DType::Float64));
  EXPECT_TRUE(is_integer(DType::UInt8) && is_integer(DType::Int64) && !is_integer(DType::Bool) &&
              !is_integer(DType::Float16));
}

}  // namespace
}  // namespace exformer
