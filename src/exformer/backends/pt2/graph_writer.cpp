// Serialises nodes from their schemas; no op has code of its own here.
#include "exformer/backends/pt2/graph_writer.h"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "exformer/backends/pt2/json_text.h"
#include "exformer/backends/pt2/names.h"
#include "exformer/backends/pt2/plain_pytree.h"
#include "exformer/backends/pt2/sym_nodes.h"
#include "exformer/backends/pt2/sym_text.h"
#include "exformer/backends/pt2/torch_schema.h"
#include "exformer/base/error.h"
#include "exformer/ops/bind_arguments.h"

namespace exformer::pt2 {
namespace {

constexpr std::string_view kDevice = R"({"type":"cpu","index":null})";

bool equals_default(const Argument& argument, const SchemaArgument& schema) {
  if (!schema.has_default) return false;
  const Argument fallback = detail::default_of<Value*>(schema);
  return argument == fallback || argument == detail::coerce<Value*>(schema, fallback).value_or(fallback);
}

// torch keeps the module path as "key,path,type"; a path with its separators in it is left out.
bool is_plain_path(const std::string& path) {
  return !path.empty() && path.find_first_of(",;()[]\"\\") == std::string::npos;
}

class GraphWriter {
 public:
  GraphWriter(const ExportedProgram& program, const Pt2Options& options)
      : program_(program),
        options_(options),
        names_(*program.graph),
        text_(*program.graph),
        sym_nodes_(program, names_, text_, nodes_, sym_int_values_, sym_bool_values_) {}

  std::string write() {
    nodes_.begin_list();
    tensor_values_.begin_object();
    sym_int_values_.begin_object();
    sym_bool_values_.begin_object();
    JsonText inputs;
    inputs.begin_list();
    for (const Value* input : program_.graph->inputs()) {
      declare(input);
      inputs.raw(value_argument(input));
    }
    inputs.end_list();
    for (const auto& node : program_.graph->nodes()) write_node(*node);
    std::vector<std::string> results;
    for (const Argument& output : program_.graph->outputs()) results.push_back(output_argument(output));
    nodes_.end_list();
    tensor_values_.end_object();
    sym_int_values_.end_object();
    sym_bool_values_.end_object();

    JsonText out;
    out.begin_object().key("graph_module").begin_object().key("graph").begin_object();
    out.key("inputs").raw(inputs.text()).key("outputs").begin_list();
    for (const std::string& result : results) out.raw(result);
    out.end_list().key("nodes").raw(nodes_.text()).key("tensor_values").raw(tensor_values_.text());
    out.key("sym_int_values").raw(sym_int_values_.text()).key("sym_bool_values").raw(sym_bool_values_.text());
    out.member("is_single_tensor_return", false).key("custom_obj_values").begin_object().end_object();
    out.key("sym_float_values").begin_object().end_object().end_object();
    write_signature(out, results);
    write_call_graph(out);
    out.key("metadata").begin_object();
    if (const std::string renamed = text_.renamed(); !renamed.empty()) out.member(kSymbolNamesKey, renamed);
    out.end_object().key("treespec_namedtuple_fields").begin_object().end_object().end_object();
    out.key("opset_version").begin_object().member("aten", int64_t{kAtenOpset}).end_object();
    out.key("range_constraints").raw(text_.range_constraints());
    out.key("schema_version")
        .begin_object()
        .member("major", int64_t{kSchemaMajor})
        .member("minor", int64_t{kSchemaMinor})
        .end_object();
    out.key("verifiers").begin_list().value("TRAINING").end_list();
    out.member("torch_version", kTorchVersion).key("guards_code").begin_list().end_list().end_object();
    return out.text();
  }

 private:
  // Notes the type of a value: tensor_values or sym_int_values.
  void declare(const Value* value) {
    if (value->kind == ValueKind::SymInt) {
      sym_int_values_.key(names_.of(value)).raw(text_.json(value->sym));
      sym_nodes_.provide(value);
      return;
    }
    if (value->kind != ValueKind::Tensor) {
      unsupported("value '{}': a float or bool that data define cannot be written to .pt2 yet", value->name);
    }
    const TensorMeta& meta = value->meta;
    tensor_values_.key(names_.of(value)).begin_object().member("dtype", int64_t{scalar_type(meta.dtype)});
    tensor_values_.key("sizes").begin_list();
    for (const SymInt& size : meta.sizes) tensor_values_.raw(text_.json(size));
    tensor_values_.end_list().member("requires_grad", false).key("device").raw(kDevice).key("strides").begin_list();
    for (const SymInt& stride : meta.strides) tensor_values_.raw(text_.json(stride));
    tensor_values_.end_list().key("storage_offset").begin_object().member("as_int", int64_t{0}).end_object();
    tensor_values_.member("layout", int64_t{kStridedLayout}).end_object();
  }

  std::string tensor_name(const Value* value) const { return fmt::format(R"({{"name":"{}"}})", names_.of(value)); }

  std::string value_argument(const Value* value) const {
    if (value->kind == ValueKind::Tensor) return fmt::format(R"({{"as_tensor":{}}})", tensor_name(value));
    return fmt::format(R"({{"as_sym_int":{{"as_name":"{}"}}}})", names_.of(value));
  }

  // A schema.Argument union of one kind.
  template <class Write>
  static std::string one(std::string_view kind, Write&& write) {
    JsonText out;
    out.begin_object().key(kind);
    write(out);
    out.end_object();
    return out.text();
  }
  template <class T>
  static std::string list(std::string_view kind, const std::vector<T>& items) {
    return one(kind, [&](JsonText& out) {
      out.begin_list();
      for (const auto& item : items) out.value(static_cast<T>(item));
      out.end_list();
    });
  }

  std::string tensor_list(const std::vector<Value*>& values) const {
    const bool optional =
        std::any_of(values.begin(), values.end(), [](const Value* value) { return value == nullptr; });
    return one(optional ? "as_optional_tensors" : "as_tensors", [&](JsonText& out) {
      out.begin_list();
      for (const Value* value : values) {
        if (!optional) {
          out.raw(tensor_name(value));
        } else {
          out.raw(value ? fmt::format(R"({{"as_tensor":{}}})", tensor_name(value)) : R"({"as_none":true})");
        }
      }
      out.end_list();
    });
  }

  std::string integer_list(const std::vector<SymInt>& values, ArgType type) {
    if (values.empty()) {
      const bool floats = type == ArgType::FloatList || type == ArgType::ScalarList;
      return list<int64_t>(floats                                                               ? "as_floats"
                           : type == ArgType::BoolList                                          ? "as_bools"
                           : type == ArgType::TensorList || type == ArgType::OptionalTensorList ? "as_tensors"
                                                                                                : "as_ints",
                           {});
    }
    const bool constant =
        std::all_of(values.begin(), values.end(), [](const SymInt& value) { return value.is_constant(); });
    return one(constant ? "as_ints" : "as_sym_ints", [&](JsonText& out) {
      out.begin_list();
      for (const SymInt& value : values) {
        if (constant) {
          out.value(value.value());
        } else if (value.is_constant()) {
          out.begin_object().member("as_int", value.value()).end_object();
        } else {
          out.begin_object().member("as_name", sym_nodes_.name(value)).end_object();
        }
      }
      out.end_list();
    });
  }

  // The JSON of one argument; nodes that it needs for symbolic integers are written first.
  std::string argument(const Argument& argument, ArgType type) {
    return std::visit(
        [&](const auto& value) -> std::string {
          using V = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<V, None>) {
            return R"({"as_none":true})";
          } else if constexpr (std::is_same_v<V, Value*>) {
            return value_argument(value);
          } else if constexpr (std::is_same_v<V, std::vector<Value*>>) {
            return tensor_list(value);
          } else if constexpr (std::is_same_v<V, SymInt>) {
            if (value.is_constant()) return one("as_int", [&](JsonText& out) { out.value(value.value()); });
            return fmt::format(R"({{"as_sym_int":{{"as_name":"{}"}}}})", sym_nodes_.name(value));
          } else if constexpr (std::is_same_v<V, std::vector<SymInt>>) {
            return integer_list(value, type);
          } else if constexpr (std::is_same_v<V, double>) {
            return one("as_float", [&](JsonText& out) { out.value(value); });
          } else if constexpr (std::is_same_v<V, std::vector<double>>) {
            return list("as_floats", value);
          } else if constexpr (std::is_same_v<V, bool>) {
            return one("as_bool", [&](JsonText& out) { out.value(value); });
          } else if constexpr (std::is_same_v<V, std::vector<bool>>) {
            return list("as_bools", value);
          } else if constexpr (std::is_same_v<V, std::string>) {
            return one("as_string", [&](JsonText& out) { out.value(value); });
          } else if constexpr (std::is_same_v<V, DType>) {
            return one("as_scalar_type", [&](JsonText& out) { out.value(int64_t{scalar_type(value)}); });
          } else if constexpr (std::is_same_v<V, Device>) {
            return fmt::format(R"({{"as_device":{}}})", kDevice);
          } else if constexpr (std::is_same_v<V, Layout>) {
            return one("as_layout", [&](JsonText& out) { out.value(int64_t{kStridedLayout}); });
          } else {
            static_assert(std::is_same_v<V, MemoryFormat>);
            int number = 0;
            for (const auto& [format, code] : kMemoryFormats) number = format == value ? code : number;
            return one("as_memory_format", [&](JsonText& out) { out.value(int64_t{number}); });
          }
        },
        argument.variant());
  }

  // What a graph output may be: a value, a symbolic integer or a constant.
  std::string output_argument(const Argument& output) {
    if (!output.is<Value*>() && !output.is<SymInt>() && !output.is<double>() && !output.is<bool>() &&
        !output.is_none()) {
      unsupported("a graph output is neither a tensor nor a number nor None");
    }
    return argument(output, ArgType::Scalar);
  }

  // A node without a result.
  void write_assertion(const std::string& condition, const std::string& message) {
    JsonText text;
    text.begin_object().member("as_string", message).end_object();
    const std::string inputs = fmt::format(R"([{{"name":"self","arg":{{"as_sym_bool":{{"as_name":"{}"}}}},"kind":{}}},)"
                                           R"({{"name":"assert_msg","arg":{},"kind":{}}}])",
                                           condition, kPositional, text.text(), kPositional);
    nodes_.begin_object().member("target", "torch.ops.aten._assert_scalar.default").key("inputs").raw(inputs);
    nodes_.key("outputs").begin_list().end_list().key("metadata").begin_object().end_object();
    nodes_.key("is_hop_single_tensor_return")
        .null()
        .member("name", names_.fresh("_assert_scalar_default"))
        .end_object();
  }

  // As torch does after a node whose data define a size: what is known of it.
  void write_bounds(const Node& node) {
    for (const Value* output : node.outputs()) {
      std::vector<SymInt> defined = output->meta.sizes;
      if (output->kind == ValueKind::SymInt) defined = {output->sym};
      for (const SymInt& size : defined) {
        const auto name = size.symbol_name();
        if (!name || !text_.is_unbacked(*name) || !bounded_.insert(std::string(*name)).second) continue;
        const Interval range = bounds(size);
        const auto assert_bound = [&](SymNodes::Comparison comparison, int64_t bound) {
          const bool at_least = comparison == SymNodes::Comparison::AtLeast;
          write_assertion(sym_nodes_.compare(size, comparison, bound),
                          fmt::format("{} must be {} {}", *name, at_least ? "at least" : "at most", bound));
        };
        if (range.min > std::numeric_limits<int64_t>::min()) assert_bound(SymNodes::Comparison::AtLeast, range.min);
        if (output->kind == ValueKind::SymInt && range.max < kUnbounded)
          assert_bound(SymNodes::Comparison::AtMost, range.max);
      }
    }
  }

  void write_node(const Node& node) {
    const OpSchema& schema = node.schema();
    if (node.is("aten::_assert_scalar") && node.argument("self").is<SymInt>()) {
      const SymInt& condition = node.argument("self").as<SymInt>();
      if (!condition.is_constant())
        write_assertion(sym_nodes_.compare(condition, SymNodes::Comparison::AtLeast, 1),
                        node.argument("assert_msg").as<std::string>());
      return;
    }
    // Positional arguments are written up to the last one that differs from its default, as a Python call would pass
    // them.
    size_t positional = 0;
    for (size_t i = 0; i < schema.arguments.size(); ++i) {
      if (!schema.arguments[i].keyword_only && !equals_default(node.arguments()[i], schema.arguments[i]))
        positional = i + 1;
    }
    std::string inputs;
    for (size_t i = 0; i < schema.arguments.size(); ++i) {
      const SchemaArgument& formal = schema.arguments[i];
      if (formal.keyword_only ? equals_default(node.arguments()[i], formal) : i >= positional) continue;
      if (!inputs.empty()) inputs += ',';
      inputs += fmt::format(R"({{"name":"{}","arg":{},"kind":{}}})", formal.name,
                            argument(node.arguments()[i], formal.type), formal.keyword_only ? kKeyword : kPositional);
    }
    const bool single = schema.returns.size() == 1 && !schema.returns_list();
    const std::string name = single ? names_.of(node.output()) : names_.fresh(schema.base_name());
    nodes_.begin_object().member("target", schema.torch_target()).key("inputs").raw("[" + inputs + "]");
    nodes_.key("outputs").begin_list();
    if (schema.returns_list()) {
      nodes_.raw(tensor_list(node.outputs()));
    } else {
      EXFORMER_ASSERT(schema.returns.size() == node.outputs().size());
      for (const Value* output : node.outputs()) nodes_.raw(value_argument(output));
    }
    nodes_.end_list().key("metadata").begin_object();
    if (is_plain_path(node.module_path)) {
      nodes_.member("nn_module_stack", fmt::format("{0},{0},torch.nn.Module", node.module_path));
    }
    nodes_.end_object().key("is_hop_single_tensor_return").null().member("name", name).end_object();
    for (const Value* output : node.outputs()) declare(output);
    write_bounds(node);
  }

  void write_signature(JsonText& out, const std::vector<std::string>& results) {
    out.key("signature").begin_object().key("input_specs").begin_list();
    for (const InputSpec& spec : program_.inputs) {
      out.begin_object();
      const auto weight = [&](std::string_view kind, std::string_view target) {
        out.key(kind).begin_object().key("arg").raw(tensor_name(spec.value)).member(target, spec.target);
      };
      switch (spec.kind) {
        case InputSpec::Kind::Parameter: weight("parameter", "parameter_name"); break;
        case InputSpec::Kind::Buffer:
          weight("buffer", "buffer_name");
          out.member("persistent", spec.persistent);
          break;
        case InputSpec::Kind::ConstantTensor: weight("tensor_constant", "tensor_constant_name"); break;
        case InputSpec::Kind::UserInput:
          out.key("user_input").begin_object().key("arg").raw(value_argument(spec.value));
          break;
      }
      out.end_object().end_object();
    }
    out.end_list().key("output_specs").begin_list();
    EXFORMER_ASSERT(program_.outputs.size() == results.size());
    for (size_t i = 0; i < results.size(); ++i)
      write_output_spec(out, program_.outputs[i], results[i], program_.graph->outputs()[i]);
    out.end_list().end_object();
  }

  void write_output_spec(JsonText& out, const OutputSpec& spec, const std::string& result, const Argument& output) {
    out.begin_object();
    if (spec.kind == OutputSpec::Kind::UserOutput) {
      out.key("user_output").begin_object().key("arg").raw(result).end_object().end_object();
      return;
    }
    if (!output.is<Value*>() || output.as<Value*>()->kind != ValueKind::Tensor)
      fail("the new value of '{}' is no tensor", spec.target);
    const bool buffer = spec.kind == OutputSpec::Kind::BufferMutation;
    out.key(buffer ? "buffer_mutation" : "user_input_mutation")
        .begin_object()
        .key("arg")
        .raw(tensor_name(output.as<Value*>()));
    out.member(buffer ? "buffer_name" : "user_input_name", buffer ? spec.target : user_input_name(spec.target))
        .end_object()
        .end_object();
  }

  std::string user_input_name(const std::string& target) const {
    for (const InputSpec* input : program_.user_inputs()) {
      if (input->target == target || input->value->name == target) return names_.of(input->value);
    }
    fail("the output that changes input '{}' names no input", target);
  }

  void write_call_graph(JsonText& out) {
    const bool plain = options_.pytree == Pt2Pytree::Plain;
    const TreeSpec in_spec = plain ? plain_spec(program_.in_spec) : program_.in_spec;
    const TreeSpec out_spec = plain ? plain_spec(program_.out_spec) : program_.out_spec;
    out.key("module_call_graph").begin_list().begin_object().member("fqn", "").key("signature").begin_object();
    out.key("inputs").begin_list().end_list().key("outputs").begin_list().end_list();
    out.member("in_spec", treespec_dumps(in_spec)).member("out_spec", treespec_dumps(out_spec));
    out.key("forward_arg_names").begin_list();
    for (const std::string& name : forward_names(in_spec)) out.value(name);
    out.end_list().end_object().end_object().end_list();
  }

  // Names of forward()'s arguments: positional ones after their first leaf, then the kwargs.
  std::vector<std::string> forward_names(const TreeSpec& in_spec) const {
    std::vector<std::string> names;
    if (in_spec.children.size() != 2) fail("the input pytree must be tuple(args, kwargs)");
    const std::vector<const InputSpec*> inputs = program_.user_inputs();
    size_t leaf = 0;
    for (const TreeSpec& child : in_spec.children[0].children) {
      names.push_back(child.is_leaf() && leaf < inputs.size() ? names_.of(inputs[leaf]->value)
                                                              : fmt::format("args_{}", names.size()));
      leaf += child.leaf_count();
    }
    for (const Json& key : in_spec.children[1].context)
      names.push_back(key.is_string() ? key.get<std::string>() : key.dump());
    return names;
  }

  const ExportedProgram& program_;
  const Pt2Options& options_;
  Names names_;
  SymText text_;
  JsonText nodes_, tensor_values_, sym_int_values_, sym_bool_values_;
  std::unordered_set<std::string> bounded_;  // symbols that data define, whose bounds have been asserted
  SymNodes sym_nodes_;
};

}  // namespace

std::string model_json(const ExportedProgram& program, const Pt2Options& options) {
  return GraphWriter(program, options).write();
}

}  // namespace exformer::pt2
