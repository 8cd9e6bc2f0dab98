// How a view op is declared: one rule gives the geometry of the results, for metas (shape rule) and for concrete
// tensors (kernel).
#pragma once

#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "exformer/ops/registry.h"

namespace exformer {

/// Where one result lies in its input's memory; `offset` is in elements from the input's first element.
struct ViewGeometry {
  std::vector<SymInt> sizes;
  std::vector<SymInt> strides;
  SymInt offset = 0;
};

/// The geometry of a concrete tensor as a meta.
TensorMeta meta_of(const HostTensor& tensor);
inline const TensorMeta& meta_of(const TensorMeta* meta) { return *meta; }
inline const TensorMeta& meta_of(const Value* value) { return value->meta; }
/// The window of `self` that `geometry` (constants only) describes.
HostTensor window_of(const HostTensor& self, const ViewGeometry& geometry);

/// The same function for both argument kinds: a generic lambda `(const TensorMeta& self, const auto& args)` that
/// returns a ViewGeometry or, for an op with several results, a vector of them. The input is the op's first argument.
template <class Rule>
void declare_view(OpRegistry& ops, std::string_view schema, Rule rule, Tag extra = Tag::None,
                  DecomposeFunction decompose = nullptr) {
  const auto apply = [rule](const TensorMeta& self, const auto& args) {
    if constexpr (std::is_same_v<decltype(rule(self, args)), ViewGeometry>) {
      return std::vector<ViewGeometry>{rule(self, args)};
    } else {
      return rule(self, args);
    }
  };
  ops.declare({.schema = schema,
               .infer =
                   [apply](const MetaArgs& args) {
                     const TensorMeta& self = *args.tensor(args.schema().arguments[0].name);
                     std::vector<OutputMeta> results;
                     for (ViewGeometry& view : apply(self, args)) {
                       results.emplace_back(TensorMeta{self.dtype, std::move(view.sizes), std::move(view.strides)});
                     }
                     return results;
                   },
               .kernel =
                   [apply](const KernelArgs& args) {
                     const HostTensor& self = args.tensor(args.schema().arguments[0].name);
                     std::vector<HostTensor> results;
                     for (const ViewGeometry& view : apply(meta_of(self), args))
                       results.push_back(window_of(self, view));
                     return results;
                   },
               .tags = Tag::View | extra,
               .decompose = std::move(decompose)});
}

/// Every `step`-th index of [start, end) of a dim, with Python's rules for absent and negative bounds.
ViewGeometry slice_geometry(const TensorMeta& self, int64_t dim, std::optional<SymInt> start, std::optional<SymInt> end,
                            const SymInt& step, std::string_view op);
/// Index `index` of dim `dim`, which goes away.
ViewGeometry select_geometry(const TensorMeta& self, int64_t dim, const SymInt& index, std::string_view op);
/// Dims in another order.
ViewGeometry permute_geometry(const TensorMeta& self, const std::vector<int64_t>& dims, std::string_view op);

}  // namespace exformer
