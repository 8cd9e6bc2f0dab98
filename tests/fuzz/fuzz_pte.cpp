// The `.pte` reader on hostile bytes. Only ExportError may leave it.
#include <cstddef>
#include <cstdint>

#include "exformer/backends/executorch/reader.h"
#include "exformer/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace exformer;
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    executorch::read_pte(bytes, "fuzz.pte");
    executorch::pte_graph(bytes, "fuzz.pte");
  } catch (const ExportError&) {
  }
  return 0;
}
