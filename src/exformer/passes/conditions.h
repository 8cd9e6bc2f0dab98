// What a program takes for granted of its inputs' sizes, gathered from their signature, the symbols' bounds and the
// assertions of the trace.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "exformer/ir/program.h"

namespace exformer {

/// Why a dim of an input is fixed or bounded; empty where that is not known.
using DimReason = std::function<std::string(const std::string& path, int64_t axis)>;

/// Every fixed size, multiple, equality and bound of the user inputs' dims, and every assertion on sizes alone, in
/// words that name inputs: "pixel_values.shape[2]". Dims that several inputs share count once for each but the first.
std::vector<Condition> input_conditions(const ExportedProgram& program, const DimReason& reason_of);

/// Whether an `aten::_assert_scalar` speaks of sizes of inputs alone, so that input_conditions() has it.
bool is_size_assertion(const Graph& graph, const Node& node);

/// Assertions of numbers that data define get the inputs' words too.
void name_inputs_in_assertions(ExportedProgram& program);

/// No assertion is left.
void erase_assertions(Graph& graph);

/// torch takes a lower bound of 2 for "dynamic" and does not check it: the conditions of such bounds become assertions,
/// before everything else.
void assert_bounds_of_two(ExportedProgram& program);

}  // namespace exformer
