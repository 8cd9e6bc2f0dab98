// Small safetensors files, good and bad, written by hand here: the reader is not tested with what our writer thinks.
#pragma once

#include <cstdint>
#include <string>

namespace exformer::testing {

/// Eight little-endian bytes of the header's length, the header, the data.
inline std::string safetensors(const std::string& header, const std::string& data) {
  std::string file;
  for (size_t i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return file + header + data;
}

/// One float32 tensor of two elements, 1.0 and 2.0.
inline std::string one_tensor(const std::string& name) {
  return safetensors("{\"" + name + R"(":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                     std::string("\0\0\x80\x3f\0\0\0\x40", 8));
}

}  // namespace exformer::testing
