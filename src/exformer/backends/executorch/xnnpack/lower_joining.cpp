// Concatenation along any dim, dynamic or not.
#include <algorithm>

#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

size_t at(int index) { return static_cast<size_t>(index); }

/// The axis for the joined dim: where `lead` has it, else one that no other dim of `lead` lies on, at best where
/// another tensor has it.
int joined_axis(const std::vector<Placed>& tensors, const Placed& lead, int dim) {
  if (lead.axis(dim) >= 0) return lead.axis(dim);
  const auto is_free = [&](int axis) { return std::find(lead.axes.begin(), lead.axes.end(), axis) == lead.axes.end(); };
  for (const Placed& tensor : tensors) {
    if (tensor.axis(dim) >= 0 && is_free(tensor.axis(dim))) return tensor.axis(dim);
  }
  for (const int axis : {2, 1, 0, 3}) {
    if (is_free(axis)) return axis;
  }
  refuse("no free axis to join along");
}

Placed join(Lowering& xnn, std::vector<Placed> tensors, int dim, const SymInt& size) {
  if (tensors.size() == 1) return tensors[0];
  const auto real_dims = [](const Placed& x) {
    return std::count_if(x.axes.begin(), x.axes.end(), [](int axis) { return axis >= 0; });
  };
  const Placed lead = *std::max_element(tensors.begin(), tensors.end(),
                                        [&](const Placed& a, const Placed& b) { return real_dims(a) < real_dims(b); });
  const int axis = joined_axis(tensors, lead, dim);
  std::vector<std::pair<int, int>> wanted;
  for (int other = 0; other < lead.rank(); ++other) {
    if (other == dim) continue;
    if (lead.axis(other) >= 0) {
      wanted.emplace_back(other, lead.axis(other));
    } else if (std::any_of(tensors.begin(), tensors.end(), [&](const Placed& x) { return x.axis(other) >= 0; })) {
      refuse("tensors that are expanded along different dims");
    }
  }
  wanted.emplace_back(dim, axis);
  std::vector<ValueId> parts;
  Placed result;
  for (Placed& tensor : tensors) {
    tensor = xnn.require(tensor, wanted);
    std::vector<int> missing;  // expanded dims of this tensor
    for (int other = 0; other < lead.rank(); ++other) {
      if (other != dim && lead.axis(other) >= 0 && tensor.axis(other) < 0) missing.push_back(lead.axis(other));
    }
    if (!missing.empty()) {
      tensor = xnn.broadcast_axes(tensor, xnn.require(lead, wanted), missing);
      for (const auto& [other, target] : wanted) {
        if (other != dim) tensor.axes[at(other)] = target;
      }
    }
    parts.push_back(tensor.id);
  }
  result = tensors[0];
  result.id = xnn.concatenate(std::move(parts), axis, result.dtype);
  result.sizes[at(axis)] = size;
  result.axes[at(dim)] = axis;
  return result;
}

void concatenate(const LowerCall& call) {
  std::vector<Placed> tensors;
  const int dim = static_cast<int>(call.args.integer("dim") < 0 ? call.args.integer("dim") + call.out().rank()
                                                                : call.args.integer("dim"));
  for (const Value* value : call.args.tensors("tensors")) {
    const bool is_nothing = value->meta.rank() == 1 && value->meta.sizes[0] == SymInt(0);
    if (is_nothing && call.out().rank() != 1) continue;  // torch leaves such tensors out whatever the others' rank
    const Placed& tensor = call.xnn.get(value);
    if (tensor.rank() != call.out().rank()) refuse("cat of tensors of several ranks");
    if (tensor.axis(dim) < 0 && !is_one(value->meta.sizes[at(dim)])) refuse("cat along an expanded dim");
    tensors.push_back(call.xnn.cast(tensor, call.out().dtype));
  }
  call.set(join(call.xnn, std::move(tensors), dim, call.out().sizes[at(dim)]));
}

void stack(const LowerCall& call) {
  std::vector<Placed> tensors;
  const int dim = static_cast<int>(call.args.integer("dim") < 0 ? call.args.integer("dim") + call.out().rank()
                                                                : call.args.integer("dim"));
  for (const Value* value : call.args.tensors("tensors")) {
    tensors.push_back(call.xnn.get_in(value, call.out().dtype));
    tensors.back().axes.insert(tensors.back().axes.begin() + dim, -1);
  }
  call.set(join(call.xnn, std::move(tensors), dim, call.out().sizes[at(dim)]));
}

}  // namespace

void add_joining_lowerings(LoweringTable& table) {
  for (const std::string_view op : {"aten::cat", "aten::concat", "aten::concatenate"}) table.add(op, concatenate);
  table.add("aten::stack", stack);
}

}  // namespace exformer::executorch::xnnpack
