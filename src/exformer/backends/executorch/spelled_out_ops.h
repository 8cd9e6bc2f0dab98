// Ops that the runtime has no kernel for and that are no composite in torch: how they are spelled with others.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "exformer/ops/registry.h"

namespace exformer::executorch {

using Values = std::vector<Value*>;
/// By ATen overload. A function gives nothing for arguments that it does not cover.
using SpelledOutOps = std::map<std::string_view, DecomposeFunction>;

bool is_floating(const Value* value);
/// A 0-d tensor.
Value* number(GraphBuilder& builder, const Argument& value, DType dtype);
/// [0, 1, .., count - 1]
Value* numbers_from_0(GraphBuilder& builder, const SymInt& count, DType dtype = DType::Int64);

void add_sorting_spellings(SpelledOutOps& ops);
void add_scatter_spellings(SpelledOutOps& ops);
void add_interpolation_spellings(SpelledOutOps& ops);
void add_creation_spellings(SpelledOutOps& ops);

/// Replaces the node where its op is one of them and its arguments are covered.
bool spell_out(Node* node);

}  // namespace exformer::executorch
