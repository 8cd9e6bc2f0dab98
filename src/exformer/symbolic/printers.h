// Expressions as text: for people, for torch's expr_str, for ONNX dim_param.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exformer/symbolic/sym_int.h"

namespace exformer {

/// "2*batch + floordiv(seq, 4) - 1"; SymContext::parse reads it back.
std::string to_string(const SymInt& a);
std::string to_string(const std::vector<SymInt>& sizes);  // "[batch, 2*seq]"

/// sympy's srepr as torch 2.13 writes it into `.pt2`: "Mul(Integer(64), Symbol('s0', positive=True, integer=True))";
/// floordiv, mod, min and max as torch.utils._sympy.functions names them. Unbacked symbols, and those that
/// may be 0 or less, lack `positive`.
std::string to_srepr(const SymInt& a);
/// Reads srepr and sympy's str form ("64*s0", "s0//8", "FloorDiv(s0, 8)", "Mod(s0, 2)", "Max(1, s0)").
/// Names must be declared in `context`; functions that are not of integers (IntTrueDiv, ToFloat, ...) are unsupported.
SymInt parse_sympy(SymContext& context, std::string_view text);

/// An ONNX dim_param: the symbol's own name, or the printed expression (spaces kept out).
std::string to_dim_param(const SymInt& a);

}  // namespace exformer
