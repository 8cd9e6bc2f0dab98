// The bytes after a program's tables: weights, named data and delegate payloads, each storage once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exformer/backends/executorch/executorch_program.h"
#include "exformer/base/file.h"

namespace exformer::executorch {

/// What goes into one file. Weights are constants and named data.
enum class SegmentKinds { All, Weights, Payloads };

struct Segment {
  uint64_t offset = 0;  // from the segments' beginning
  uint64_t size = 0;
};

/// What lies where.
struct SegmentLayout {
  std::vector<Segment> segments;                      // by index; they may share bytes
  std::vector<uint64_t> constant_offsets;             // of each constant, in segment 0
  std::vector<size_t> payloads;                       // the segment of each delegate's payload
  std::vector<std::pair<std::string, size_t>> named;  // key, segment
  uint64_t size = 0;
  SegmentKinds kinds = SegmentKinds::All;
};

/// Segment 0 holds the program's constants; it is there even when there are none.
SegmentLayout lay_out_segments(const ExecutorchProgram& program, SegmentKinds kinds);
/// The name of a constant in a data file: the weight's own, with the sizes where they differ from the weight's.
std::string external_key(const ExecutorchProgram& program, const TensorValue& constant);
/// A header's numbers, in the order in which they follow its magic and its length.
struct FileHeader {
  std::string_view magic;
  size_t size = 0;  // of the whole header in the file
  uint32_t length = 0;
  std::vector<uint64_t> numbers;
};
/// Writes a whole file: the tables with a header between their first eight bytes and the rest, then the segments, which
/// begin at segments_base(tables, header.size).
void write_with_segments(const std::filesystem::path& path, Bytes tables, const FileHeader& header,
                         const ExecutorchProgram& program, const SegmentLayout& layout);
uint64_t segments_base(Bytes tables, size_t header_size);

}  // namespace exformer::executorch
