#include "exformer/ir/text.h"

#include <fmt/format.h>

#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

std::string_view short_name(DType dtype) {
  switch (dtype) {
    case DType::Bool: return "bool";
    case DType::UInt8: return "u8";
    case DType::Int8: return "i8";
    case DType::UInt16: return "u16";
    case DType::Int16: return "i16";
    case DType::UInt32: return "u32";
    case DType::Int32: return "i32";
    case DType::UInt64: return "u64";
    case DType::Int64: return "i64";
    case DType::Float8E4M3FN: return "f8e4m3fn";
    case DType::Float8E5M2: return "f8e5m2";
    case DType::Float16: return "f16";
    case DType::BFloat16: return "bf16";
    case DType::Float32: return "f32";
    case DType::Float64: return "f64";
    case DType::Complex64: return "c64";
    case DType::Complex128: return "c128";
  }
  return "?";
}

std::string number(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".einf") == std::string::npos) text += ".0";
  return text;
}

template <class Items, class Print>
std::string list(const Items& items, Print&& print) {
  std::string text = "[";
  for (size_t i = 0; i < items.size(); ++i) text += (i ? ", " : "") + print(items[i]);
  return text + "]";
}

struct ArgumentPrinter {
  std::string operator()(None) const { return "None"; }
  std::string operator()(Value* value) const { return value ? "%" + value->name : "None"; }
  std::string operator()(const std::vector<Value*>& values) const { return list(values, *this); }
  std::string operator()(const SymInt& value) const { return to_string(value); }
  std::string operator()(const std::vector<SymInt>& values) const { return list(values, *this); }
  std::string operator()(double value) const { return number(value); }
  std::string operator()(const std::vector<double>& values) const { return list(values, *this); }
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(const std::vector<bool>& values) const { return list(values, *this); }
  std::string operator()(const std::string& value) const { return "'" + value + "'"; }
  std::string operator()(DType value) const { return std::string(short_name(value)); }
  std::string operator()(Device) const { return "cpu"; }
  std::string operator()(Layout) const { return "strided"; }
  std::string operator()(MemoryFormat value) const {
    switch (value) {
      case MemoryFormat::Contiguous: return "contiguous_format";
      case MemoryFormat::Preserve: return "preserve_format";
      case MemoryFormat::ChannelsLast: return "channels_last";
      default: return "channels_last_3d";
    }
  }
};

std::string print(const Argument& argument) { return std::visit(ArgumentPrinter{}, argument.variant()); }

bool is_default(const SchemaArgument& schema, const Argument& argument) {
  if (!schema.has_default) return false;
  return map_tensors<Value*>(schema.default_value, [](std::nullptr_t) -> Value* { return nullptr; }) == argument;
}

std::string type_of(const Value& value) {
  switch (value.kind) {
    case ValueKind::Tensor: return to_text(value.meta);
    case ValueKind::SymInt: return "int = " + to_string(value.sym);
    case ValueKind::SymFloat: return "float";
    case ValueKind::SymBool: return "bool";
  }
  return {};
}

}  // namespace

std::string to_text(const TensorMeta& meta) {
  std::string text = std::string(short_name(meta.dtype)) + to_string(meta.sizes);
  if (meta.strides != contiguous_strides(meta.sizes)) text += " strides " + to_string(meta.strides);
  return text;
}

std::string to_text(const Node& node) {
  std::string text;
  for (const Value* output : node.outputs()) {
    text += fmt::format("{}%{}: {}", text.empty() ? "" : ", ", output->name, type_of(*output));
  }
  const std::string target = node.schema().torch_target();
  text += fmt::format("{}{}(", text.empty() ? "" : " = ", target.substr(10));
  const auto& schema = node.schema().arguments;
  size_t last_positional = 0;
  for (size_t i = 0; i < schema.size(); ++i) {
    if (!schema[i].keyword_only && !is_default(schema[i], node.arguments()[i])) last_positional = i + 1;
  }
  bool first = true;
  for (size_t i = 0; i < schema.size(); ++i) {
    const bool printed = schema[i].keyword_only ? !is_default(schema[i], node.arguments()[i]) : i < last_positional;
    if (!printed) continue;
    text += fmt::format("{}{}{}", first ? "" : ", ", schema[i].keyword_only ? schema[i].name + "=" : "",
                        print(node.arguments()[i]));
    first = false;
  }
  return text + ")";
}

std::string to_text(const Graph& graph) {
  std::string text;
  std::string special;
  for (const Symbol& symbol : graph.symbols().symbols()) {
    if (symbol.min == 1 && symbol.max == kUnbounded && symbol.divisor == 1 && !symbol.unbacked) continue;
    const std::string max = symbol.max == kUnbounded ? "inf" : std::to_string(symbol.max);
    special += fmt::format("{}{} in [{}, {}]", special.empty() ? "" : ", ", symbol.name, symbol.min, max);
    if (symbol.divisor != 1) special += fmt::format(" by {}", symbol.divisor);
    if (symbol.unbacked) special += " unbacked";
  }
  if (!special.empty()) text += "symbols: " + special + "\n";
  text += "graph(";
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    text += fmt::format("{}%{}: {}", i ? ", " : "", graph.inputs()[i]->name, type_of(*graph.inputs()[i]));
  }
  text += "):\n";
  for (const auto& node : graph.nodes()) text += "  " + to_text(*node) + "\n";
  text += "  return (";
  for (size_t i = 0; i < graph.outputs().size(); ++i) text += (i ? ", " : "") + print(graph.outputs()[i]);
  return text + ")\n";
}

}  // namespace exformer
