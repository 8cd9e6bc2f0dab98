// The tables of a `.pte` file, verified. Internal to the reader.
#pragma once

#include <cstdint>
#include <string>

#include "exformer/base/error.h"
#include "exformer/base/file.h"
#include "program_generated.h"

namespace exformer::executorch {

/// A file whose tables hold together: every offset lies inside, every segment too.
struct PteTables {
  const fb::Program* program = nullptr;
  uint64_t table_bytes = 0;
  Bytes segments;  // all bytes after the tables
  std::string source;

  /// Throws ExportError naming the source.
  static PteTables open(Bytes bytes, const std::string& source);

  /// Entry `index` of a vector of tables; a missing vector or a wrong index is an ExportError that names `what`.
  template <class T>
  const T* at(const flatbuffers::Vector<flatbuffers::Offset<T>>* vector, int64_t index, const char* what) const {
    if (!vector || index < 0 || index >= static_cast<int64_t>(vector->size()))
      fail("{}: there is no {} {}", source, what, index);
    return vector->Get(static_cast<flatbuffers::uoffset_t>(index));
  }
};

}  // namespace exformer::executorch
