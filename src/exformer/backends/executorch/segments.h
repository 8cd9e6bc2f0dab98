// The bytes after a program's tables: weights, named data and delegate payloads, each storage once.
#pragma once

#include <functional>
#include <string>
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
/// Writes the bytes at the file's present offset.
void write_segments(const ExecutorchProgram& program, const SegmentLayout& layout, OutputFile& file);

}  // namespace exformer::executorch
