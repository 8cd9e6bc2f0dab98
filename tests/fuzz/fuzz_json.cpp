// What parse_json accepts, dump_json writes so that both agree on the second round; the rest is an ExportError.
#include <cstdint>
#include <cstdlib>

#include "exformer/base/error.h"
#include "exformer/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace exformer;
  try {
    const std::string text = dump_json(parse_json({reinterpret_cast<const char*>(data), size}, "fuzz"));
    if (dump_json(parse_json(text, "second round")) != text) std::abort();
  } catch (const ExportError&) {
  }
  return 0;
}
