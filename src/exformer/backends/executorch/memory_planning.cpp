#include "exformer/backends/executorch/memory_planning.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "exformer/symbolic/printers.h"

namespace exformer::executorch {
namespace {

constexpr uint64_t kAlignment = 16;

uint64_t aligned(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// One piece of the arena: a tensor, and those that are written over it.
struct Block {
  ValueId first = kNone;
  uint64_t bytes = 0;
  size_t begin = 0, end = 0;  // instructions, both inclusive
  uint64_t offset = 0;
};

class Planner {
 public:
  Planner(ExecutorchProgram& program, const UpperBounds& bounds, const PlanningOptions& options)
      : program_(program), bounds_(bounds), options_(options), last_read_(program.values().size(), 0) {}

  ArenaReport run() {
    find_lifetimes();
    make_blocks();
    place_blocks();
    ArenaReport report = describe();
    program_.arena = report.bytes;
    return report;
  }

 private:
  /// Tensors among an argument, lists flattened.
  template <class Visit>
  void each_tensor(ValueId id, Visit&& visit) const {
    if (id == kNone) return;
    const ProgramValue& value = program_.values()[static_cast<size_t>(id)];
    if (std::holds_alternative<TensorValue>(value)) visit(id);
    if (const auto* list = std::get_if<TensorList>(&value)) {
      for (const ValueId item : list->items) each_tensor(item, visit);
    }
  }

  void find_lifetimes() {
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      for (const ValueId argument : program_.instructions[i].arguments) {
        each_tensor(argument, [&](ValueId id) { last_read_[static_cast<size_t>(program_.storage_of(id))] = i; });
      }
    }
    for (const ValueId output : program_.outputs) {
      each_tensor(output, [&](ValueId id) {
        last_read_[static_cast<size_t>(program_.storage_of(id))] = program_.instructions.size();
      });
    }
    // What mutable buffers hold is read by the next run.
    for (const ValueId id : program_.states) last_read_[static_cast<size_t>(id)] = program_.instructions.size();
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      const Instruction& instruction = program_.instructions[i];
      const bool is_loop = instruction.kind == Instruction::Kind::JumpIfFalse && instruction.target <= i;
      if (is_loop) keep_through_loop(instruction.target, i);
    }
  }

  /// What a loop reads from before it lives until its end.
  void keep_through_loop(size_t begin, size_t end) {
    std::vector<bool> is_older(program_.values().size(), false);
    for (const ValueId input : program_.inputs) is_older[static_cast<size_t>(input)] = true;
    for (size_t i = 0; i < begin; ++i) {
      for (const ValueId written : program_.instructions[i].writes)
        is_older[static_cast<size_t>(program_.storage_of(written))] = true;
    }
    for (size_t storage = 0; storage < is_older.size(); ++storage) {
      if (is_older[storage] && last_read_[storage] >= begin) last_read_[storage] = std::max(last_read_[storage], end);
    }
  }

  bool is_planned(ValueId storage) const {
    const auto among = [&](const std::vector<ValueId>& list) {
      return std::find(list.begin(), list.end(), storage) != list.end();
    };
    if (program_.tensor(storage).constant) return program_.tensor(storage).is_state;
    if (!options_.alloc_graph_input && among(program_.inputs)) return false;
    return options_.alloc_graph_output || !among(program_.outputs);
  }

  uint64_t bytes_of(ValueId storage) const {
    const TensorValue& tensor = program_.tensor(storage);
    return aligned(std::max<uint64_t>(bounds_.element_count(tensor.sizes) * item_size(tensor.dtype), 1));
  }

  void make_blocks() {
    block_of_.assign(program_.values().size(), std::numeric_limits<size_t>::max());
    for (const ValueId input : program_.inputs) {
      if (program_.tensor_if(input) && is_planned(input)) open_block(input, 0);
    }
    for (const ValueId id : program_.states) open_block(id, 0);
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      const Instruction& instruction = program_.instructions[i];
      for (const ValueId written : instruction.writes) {
        if (program_.tensor(written).view_of != kNone || !is_planned(written)) continue;
        if (block_of_[static_cast<size_t>(written)] != std::numeric_limits<size_t>::max()) continue;  // a loop's state
        const ValueId replaced = instruction.is_elementwise ? operand_to_replace(instruction, written, i) : kNone;
        if (replaced == kNone) {
          open_block(written, i);
        } else {
          block_of_[static_cast<size_t>(written)] = block_of_[static_cast<size_t>(replaced)];
          program_.tensor(written).written_over = replaced;
        }
        Block& block = blocks_[block_of_[static_cast<size_t>(written)]];
        block.end = std::max(block.end, std::max(i, last_read_[static_cast<size_t>(written)]));
      }
    }
  }

  void open_block(ValueId storage, size_t begin) {
    block_of_[static_cast<size_t>(storage)] = blocks_.size();
    blocks_.push_back({.first = storage,
                       .bytes = bytes_of(storage),
                       .begin = begin,
                       .end = std::max(begin, last_read_[static_cast<size_t>(storage)])});
  }

  /// An operand whose memory the result may take: of the result's dtype and sizes, planned, read here for the last time
  /// and in no other geometry.
  ValueId operand_to_replace(const Instruction& instruction, ValueId written, size_t at) const {
    const TensorValue& result = program_.tensor(written);
    const auto fits = [&](ValueId id) {
      const TensorValue& tensor = program_.tensor(id);
      return tensor.dtype == result.dtype && tensor.sizes == result.sizes;
    };
    for (const ValueId candidate : instruction.arguments) {
      if (candidate == written || !program_.tensor_if(candidate) || !fits(candidate)) continue;
      const ValueId storage = program_.storage_of(candidate);
      const size_t block = block_of_[static_cast<size_t>(storage)];
      if (block == std::numeric_limits<size_t>::max() || blocks_[block].end != at) continue;
      if (bytes_of(storage) != bytes_of(written)) continue;
      const bool is_read_otherwise =
          std::any_of(instruction.arguments.begin(), instruction.arguments.end(), [&](ValueId other) {
            if (other == written || !program_.tensor_if(other)) return false;
            return block_of_[static_cast<size_t>(program_.storage_of(other))] == block && !fits(other);
          });
      if (!is_read_otherwise) return storage;
    }
    return kNone;
  }

  /// The largest first, each at the lowest offset where nothing that lives at the same time lies.
  void place_blocks() {
    std::vector<size_t> order(blocks_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return blocks_[a].bytes > blocks_[b].bytes; });
    std::vector<size_t> placed;  // by offset
    for (const size_t index : order) {
      Block& block = blocks_[index];
      uint64_t offset = 0, best = std::numeric_limits<uint64_t>::max(), best_gap = best;
      for (const size_t other_index : placed) {
        const Block& other = blocks_[other_index];
        if (other.end < block.begin || block.end < other.begin) continue;
        if (other.offset > offset) {
          const uint64_t gap = other.offset - offset;
          if (gap >= block.bytes && gap < best_gap) {
            best = offset;
            best_gap = gap;
          }
        }
        offset = std::max(offset, other.offset + other.bytes);
      }
      block.offset = best == std::numeric_limits<uint64_t>::max() ? offset : best;
      placed.insert(std::upper_bound(placed.begin(), placed.end(), index,
                                     [&](size_t a, size_t b) { return blocks_[a].offset < blocks_[b].offset; }),
                    index);
    }
    for (size_t id = 0; id < block_of_.size(); ++id) {
      if (block_of_[id] != std::numeric_limits<size_t>::max())
        program_.tensor(static_cast<ValueId>(id)).place = Place{blocks_[block_of_[id]].offset};
    }
    for (size_t id = 0; id < block_of_.size(); ++id) {
      const TensorValue* tensor = program_.tensor_if(static_cast<ValueId>(id));
      if (tensor && tensor->is_static_view)
        program_.tensor(static_cast<ValueId>(id)).place =
            program_.tensor(program_.storage_of(static_cast<ValueId>(id))).place;
    }
  }

  ArenaReport describe() const {
    ArenaReport report{.bounds = bounds_.text()};
    std::vector<uint64_t> alive(program_.instructions.size() + 1, 0);
    for (const Block& block : blocks_) {
      report.bytes = std::max(report.bytes, block.offset + block.bytes);
      for (size_t i = block.begin; i <= std::min(block.end, alive.size() - 1); ++i) alive[i] += block.bytes;
    }
    const auto fullest = static_cast<size_t>(std::max_element(alive.begin(), alive.end()) - alive.begin());
    report.live = alive[fullest];
    const Block* largest = nullptr;
    for (const Block& block : blocks_) {
      if (block.begin <= fullest && fullest <= block.end && (!largest || block.bytes > largest->bytes))
        largest = &block;
    }
    if (largest) {
      const TensorValue& tensor = program_.tensor(largest->first);
      report.driver = fmt::format("{} {} {}, {:.1f} MB", tensor.name, dtype_name(tensor.dtype), to_string(tensor.sizes),
                                  static_cast<double>(largest->bytes) / 1e6);
    }
    return report;
  }

  ExecutorchProgram& program_;
  const UpperBounds& bounds_;
  const PlanningOptions& options_;
  std::vector<size_t> last_read_;  // of each storage
  std::vector<size_t> block_of_;   // of each storage
  std::vector<Block> blocks_;
};

}  // namespace

ArenaReport plan_memory(ExecutorchProgram& program, const UpperBounds& bounds, const PlanningOptions& options) {
  return Planner(program, bounds, options).run();
}

}  // namespace exformer::executorch
