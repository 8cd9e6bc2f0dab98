// The `.pt2` reader on hostile bytes: a whole archive where they start like a zip, else the text of models/model.json,
// which an archive's checksum would keep from being reached. Only ExportError may leave the reader.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "exformer/backends/pt2/graph_reader.h"
#include "exformer/backends/pt2/reader.h"
#include "exformer/backends/pt2/zip_reader.h"
#include "exformer/base/error.h"
#include "exformer/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace exformer;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    if (text.starts_with("PK")) {
      read_pt2(pt2::ZipReader({reinterpret_cast<const std::byte*>(data), size}, "fuzz.pt2", nullptr));
    } else {
      pt2::read_model(parse_json(text, "model.json"), OpRegistry::standard());
    }
  } catch (const ExportError&) {
  }
  return 0;
}
