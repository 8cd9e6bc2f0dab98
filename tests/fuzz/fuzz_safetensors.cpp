// A file that is accepted has tensors whose every byte can be read, which together are all of it; the rest is an
// ExportError.
#include <cstdint>
#include <cstdlib>

#include "exformer/base/error.h"
#include "exformer/checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace exformer;
  try {
    const auto file = SafetensorsFile::parse(std::as_bytes(std::span(data, size)), nullptr, "fuzz");
    uint64_t covered = 0;
    unsigned sum = 0;
    for (const auto& [name, entry] : file->entries()) {
      const HostTensor tensor = file->tensor(name).aligned();
      for (const std::byte byte : tensor.bytes()) sum += static_cast<unsigned>(byte);
      covered += tensor.byte_size();
      if (entry.file_offset + entry.byte_size > size || tensor.sizes() != entry.sizes) std::abort();
    }
    if (covered > size || sum > 255U * size) std::abort();
  } catch (const ExportError&) {
  }
  return 0;
}
