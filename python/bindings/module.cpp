// exformer._core: the tracer, the op registry and the exporters for Python.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "convert.h"
#include "exformer/base/error.h"
#include "exformer/checkpoint/checkpoint_check.h"
#include "exformer/checkpoint/safetensors.h"
#include "exformer/exporters/exporter.h"
#include "exformer/exporters/version.h"
#include "exformer/symbolic/assumptions.h"
#include "session.h"

namespace exformer::python {
namespace {

/// Names of what ops with several results return, as torch's named tuples have them.
bool returns_values_and_indices(const std::string& base_name, size_t count) {
  constexpr std::string_view kOps[] = {"max", "min", "sort", "topk", "cummax", "cummin", "kthvalue", "median", "mode"};
  return count == 2 && std::find(std::begin(kOps), std::end(kOps), base_name) != std::end(kOps);
}

py::object result_to_python(const PythonTypes& types, const Tensor& tensor) {
  const Value& value = *tensor.value();
  if (value.kind == ValueKind::SymInt) return to_python(value.sym);
  if (value.kind == ValueKind::Tensor) return to_python(types, tensor);
  unsupported("{}: a number that depends on data is needed in Python", value.producer()->op());
}

py::object call_op(Session& session, const std::string& name, const py::tuple& args, const py::dict& kwargs) {
  CallArguments arguments;
  for (const py::handle item : args) arguments.positional.push_back(to_argument(session.types(), item));
  for (const auto& [key, item] : kwargs)
    arguments.named.emplace_back(key.cast<std::string>(), to_argument(session.types(), item));
  const Op* op = nullptr;
  const std::vector<Tensor> results = session.call(name, arguments, op);
  if (op->schema.returns.size() == 1 && !op->schema.returns_list() && results.size() == 1)
    return result_to_python(session.types(), results.front());
  py::tuple tuple(results.size());
  for (size_t i = 0; i < results.size(); ++i) tuple[i] = result_to_python(session.types(), results[i]);
  if (returns_values_and_indices(name, results.size()))
    return py::module_::import("torch").attr("return_types").attr("_values_indices")(*tuple);
  return tuple;
}

py::object element(const HostTensor& tensor, int64_t index) {
  if (tensor.dtype() == DType::Bool) return py::bool_(tensor.item_int(index) != 0);
  if (is_floating_point(tensor.dtype())) return py::float_(tensor.item_double(index));
  return py::int_(tensor.item_int(index));
}

/// The values in row-major order; None when they depend on an input.
py::object values_of(Session& session, const Tensor& tensor) {
  const auto value = session.evaluate(tensor);
  if (!value) return py::none();
  const HostTensor dense = value->contiguous();
  py::list items;
  for (int64_t i = 0; i < dense.element_count(); ++i) items.append(element(dense, i));
  return items;
}

py::object bytes_of(Session& session, const Tensor& tensor) {
  const auto value = session.evaluate(tensor);
  if (!value) return py::none();
  const HostTensor dense = value->contiguous();
  return py::bytes(reinterpret_cast<const char*>(dense.raw()), dense.byte_size());
}

Tensor constant_from_values(Session& session, const py::list& values, const py::object& dtype,
                            std::vector<int64_t> sizes) {
  const DType type = to_dtype(session.types(), dtype);
  const bool whole = !is_floating_point(type);
  const auto count = static_cast<int64_t>(values.size());
  HostTensor data = whole ? HostTensor::empty(DType::Int64, {count}) : HostTensor::empty(DType::Float64, {count});
  for (int64_t i = 0; i < count; ++i) {
    const py::handle value = values[static_cast<size_t>(i)];
    if (whole) {
      data.data<int64_t>()[i] =
          PyFloat_Check(value.ptr()) ? static_cast<int64_t>(value.cast<double>()) : value.cast<int64_t>();
    } else {
      data.data<double>()[i] = value.cast<double>();
    }
  }
  return session.constant(data.to(type).reshaped(std::move(sizes)));
}

Tensor constant_from_bytes(Session& session, const py::bytes& bytes, const py::object& dtype,
                           std::vector<int64_t> sizes) {
  HostTensor data = HostTensor::empty(to_dtype(session.types(), dtype), std::move(sizes));
  const std::string_view view = bytes;
  if (view.size() != data.byte_size()) fail("{} bytes were given for a tensor of {}", view.size(), data.byte_size());
  std::copy(view.begin(), view.end(), data.data<char>());
  return session.constant(std::move(data));
}

std::vector<SymInt> sizes_from(const py::sequence& sizes) {
  std::vector<SymInt> result;
  for (const py::handle size : sizes) {
    const auto value = to_sym_int(size);
    if (!value) throw py::type_error("a size must be an integer");
    result.push_back(*value);
  }
  return result;
}

py::tuple sizes_to(const std::vector<SymInt>& sizes) {
  py::tuple result(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) result[i] = to_python(sizes[i]);
  return result;
}

/// Finishes the trace and writes the export directory; gives what the program prints.
std::string export_program(Session& session, const py::dict& request) {
  FinishRequest finish{.in_spec = request["in_spec"].cast<std::string>(),
                       .out_spec = request["out_spec"].cast<std::string>(),
                       .scratch = request["output"].cast<std::filesystem::path>().parent_path(),
                       .allow_missing = request["allow_missing"].cast<bool>()};
  for (const py::handle item : request["state"]) {
    const auto [name, tensor, is_parameter, persistent] = item.cast<std::tuple<std::string, Tensor, bool, bool>>();
    finish.state.push_back({name, tensor, is_parameter, persistent});
  }
  for (const py::handle item : request["outputs"]) finish.outputs.push_back(to_argument(session.types(), item));

  PreparedProgram prepared;
  prepared.metadata.architecture = request["architecture"].cast<std::string>();
  prepared.metadata.export_dtype = to_dtype(session.types(), request["dtype"]);
  prepared.metadata.kwargs = parse_json(request["kwargs"].cast<std::string>(), "kwargs");
  prepared.metadata.in_constants = parse_json(request["in_constants"].cast<std::string>(), "in_constants");
  prepared.metadata.out_constants = parse_json(request["out_constants"].cast<std::string>(), "out_constants");
  for (const py::handle item : request["specializations"]) {
    const auto [input, axis, size, reason] = item.cast<std::tuple<std::string, int64_t, int64_t, std::string>>();
    prepared.metadata.specializations.push_back({input, axis, size, reason});
  }
  for (const py::handle item : request["narrowed"]) {
    const auto [input, axis, reason] = item.cast<std::tuple<std::string, int64_t, std::string>>();
    prepared.narrowed.push_back({.input = input, .axis = axis, .reason = reason});
  }
  const std::vector<std::string> assertions = session.data_assertions();
  prepared.program = session.finish(finish);
  prepared.longest_sequence = request["longest_sequence"].cast<int64_t>();
  prepared.metadata.in_spec = prepared.program.in_spec;
  prepared.metadata.out_spec = prepared.program.out_spec;

  const ExportConfig config = AutoExportConfig::from_dict(parse_json(request["config"].cast<std::string>(), "config"));
  const auto text = [&](const char* name) { return request[name].cast<std::optional<std::string>>(); };
  const size_t nodes = prepared.program.graph->node_count();
  const bool is_dynamo = std::holds_alternative<DynamoConfig>(config);
  const bool is_unchecked = std::visit([](const auto& each) { return each.allow_unchecked; }, config) && !is_dynamo;
  const ExportedModel exported =
      export_prepared(std::move(prepared), config, text("config_text"), text("generation_config_text"));
  const ExportedComponent& component = exported.program();
  exported.save_pretrained(request["output"].cast<std::filesystem::path>());
  const size_t written = component.program      ? component.program->graph->node_count()
                         : component.onnx       ? component.onnx->node_count()
                         : component.executorch ? component.executorch->instruction_count()
                                                : nodes;
  return dump_json({{"file", component.file},
                    {"nodes", written},
                    {"specializations", component.metadata.value("specializations", Json::array())},
                    {"conditions", component.metadata.value("conditions", Json::array())},
                    {"assumptions", is_unchecked ? assertions : std::vector<std::string>()}});
}

void bind_tensor(py::module_& module) {
  py::class_<Tensor>(module, "TensorBase")
      .def(py::init<const Tensor&>())
      .def("_same", [](const Tensor& self, const Tensor& other) { return self == other; })
      .def("_key", [](const Tensor& self) { return reinterpret_cast<uintptr_t>(self.state().get()); })
      .def("_rebind", [](Tensor& self, const Tensor& other) { self = other; })
      .def("_dtype_code", [](const Tensor& self) { return static_cast<int>(self.dtype()); })
      .def("_rank", &Tensor::rank)
      .def("_sizes", [](const Tensor& self) { return sizes_to(self.sizes()); })
      .def("_size", [](const Tensor& self, int64_t dim) { return to_python(self.size(dim)); })
      .def("_strides", [](const Tensor& self) { return sizes_to(self.value()->meta.strides); });
}

void bind_session(py::module_& module) {
  py::class_<SafetensorsFile, std::shared_ptr<SafetensorsFile>>(module, "SafetensorsFile")
      .def_property_readonly("names",
                             [](const SafetensorsFile& self) {
                               py::list names;
                               for (const auto& [name, entry] : self.entries()) names.append(name);
                               return names;
                             })
      .def_property_readonly("metadata", [](const SafetensorsFile& self) { return self.metadata(); })
      .def("sizes", [](const SafetensorsFile& self, const std::string& name) { return self.entries().at(name).sizes; })
      .def("dtype", [](const SafetensorsFile& self, const std::string& name) {
        return std::string(dtype_name(self.entries().at(name).dtype));
      });
  module.def("open_safetensors", [](const std::filesystem::path& path) {
    return std::const_pointer_cast<SafetensorsFile>(SafetensorsFile::open(path));
  });

  py::class_<Session>(module, "Session")
      .def(py::init([](const py::dict& types) {
        return std::make_unique<Session>(PythonTypes{types["tensor"], types["dtype"],
                                                     types["dtypes"].cast<std::vector<py::object>>(),
                                                     types["memory_format"], types["device"], types["layout"]});
      }))
      .def("call", call_op)
      .def("has_op", [](const Session& self, const std::string& name) { return self.overloads().has(name); })
      .def_property_readonly("op_names", &Session::op_names)
      .def("constant_from_values", constant_from_values)
      .def("constant_from_bytes", constant_from_bytes)
      .def("user_input",
           [](Session& self, const std::string& path, const py::sequence& sizes, const Tensor& sample) {
             const auto value = self.evaluate(sample);
             if (!value) fail("the sample of '{}' is not known", path);
             return self.user_input(path, sizes_from(sizes), *value);
           })
      .def("clear_user_inputs", &Session::clear_user_inputs)
      .def("checkpoint_tensor", [](Session& self, const std::shared_ptr<SafetensorsFile>& file,
                                   const std::string& name) { return self.checkpoint_tensor(file, name); })
      .def("compare_stored", &Session::compare_stored)
      .def("lift", &Session::lift)
      .def("item", [](Session& self, const Tensor& tensor) { return to_python(self.item(tensor)); })
      .def("check", [](Session& self, py::handle condition,
                       const std::string& message) { self.check(to_sym_int(condition).value(), message); })
      .def("depends_on_data",
           [](Session& self, py::handle value) {
             const auto size = to_sym_int(value);
             return size && self.depends_on_data(*size);
           })
      .def("reads_data",
           [](Session& self, py::handle value) {
             const auto size = to_sym_int(value);
             return size && self.reads_data(*size);
           })
      .def("known", &Session::known)
      .def_property_readonly("node_count", &Session::node_count)
      .def("is_used_behind", [](const Session& self, size_t count,
                                py::handle size) { return self.is_used_behind(count, to_sym_int(size).value()); })
      .def("is_read", [](const Session&, const Tensor& tensor) { return !tensor.value()->users().empty(); })
      .def("values", values_of)
      .def("bytes", bytes_of)
      .def("symbol",
           [](Session& self, const std::string& name, int64_t min, std::optional<int64_t> max, int64_t divisor,
              std::optional<int64_t> hint) {
             return to_python(self.symbol(
                 {.name = name, .min = min, .max = max.value_or(kUnbounded), .divisor = divisor, .hint = hint}));
           })
      .def("hint",
           [](Session& self, py::handle value) {
             const auto size = to_sym_int(value);
             return size ? self.hint(*size) : std::nullopt;
           })
      .def("hint_of",
           [](Session& self, const std::string& symbol) { return self.hint(self.symbols().find(symbol).value()); })
      .def("is_symbol",
           [](Session&, py::handle value) {
             const auto size = to_sym_int(value);
             return size && size->symbol_name().has_value();
           })
      .def("free_symbols",
           [](Session&, py::handle value) {
             const auto size = to_sym_int(value);
             return size && !size->is_constant() ? free_symbols(*size) : std::vector<std::string>();
           })
      .def("assume_equal",
           [](Session& self, py::handle left, py::handle right, const std::string& reason) {
             return self.assume_equal(to_sym_int(left).value(), to_sym_int(right).value(), reason);
           })
      .def("assume_value",
           [](Session& self, const std::string& symbol, py::handle value, const std::string& reason) {
             self.assume_value(symbol, to_sym_int(value).value(), reason);
           })
      .def_property_readonly("remainders",
                             [](const Session& self) {
                               py::list result;
                               for (const auto& [size, reason] : self.remainders())
                                 result.append(py::make_tuple(to_python(size), reason));
                               return result;
                             })
      .def("forget_assumptions", [](Session& self) { forget_assumptions(self.symbols()); })
      .def("substitute",
           [](Session&, py::handle value, const py::dict& values) {
             return to_python(substitute(to_sym_int(value).value(), [&](std::string_view name) {
               const py::str key{std::string(name)};
               return values.contains(key) ? to_sym_int(values[key]) : std::nullopt;
             }));
           })
      .def_property_readonly(
          "assumptions",
          [](const Session& self) {
            py::list result;
            for (const auto& assumption : self.assumptions()) {
              result.append(py::make_tuple(assumption.symbol, to_python(assumption.value), assumption.reason));
            }
            return result;
          })
      .def_property_readonly("bounds",
                             [](const Session& self) {
                               py::list result;
                               for (const auto& bound : self.bounds()) {
                                 result.append(py::make_tuple(to_python(bound.smaller), to_python(bound.larger), "le",
                                                              true, bound.reason));
                               }
                               return result;
                             })
      .def("enter_module", &Session::enter_module)
      .def("leave_module", &Session::leave_module)
      .def_property_readonly("module_path", &Session::module_path)
      .def("export_program", export_program);
}

/// The dtype's name in which a model is loaded for a config; None: the checkpoint's own.
std::optional<std::string> export_dtype(const std::string& config, const std::optional<std::string>& asked) {
  const ExportConfig parsed = AutoExportConfig::from_dict(parse_json(config, "config"));
  const auto* executorch = std::get_if<ExecutorchConfig>(&parsed);
  if (!executorch) return asked;
  const auto dtype = backend_dtype(executorch->backend, asked ? parse_dtype(*asked) : std::nullopt);
  return dtype ? std::optional(std::string(dtype_name(*dtype))) : std::nullopt;
}

/// The name of each task, and the class of transformers that serves it.
std::vector<std::pair<std::string, std::string>> tasks() {
  std::vector<std::pair<std::string, std::string>> names;
  for (const Task task : all_tasks()) names.emplace_back(task_name(task), auto_class_name(task));
  return names;
}

void bind_exported_model(py::module_& module) {
  py::class_<ExportedModel>(module, "ExportedModel")
      .def(py::init([](const std::filesystem::path& directory) { return ExportedModel::from_pretrained(directory); }))
      .def("run",
           [](const ExportedModel& self, const std::filesystem::path& inputs, const std::filesystem::path& outputs) {
             write_safetensors(outputs, self(read_safetensors(inputs)));
           });
}

}  // namespace
}  // namespace exformer::python

PYBIND11_MODULE(_core, module) {
  using namespace exformer::python;
  namespace py = pybind11;
  module.doc() = "The tracer, the op registry and the exporters of exformer.";
  module.attr("__version__") = exformer::kVersion;
  static py::exception<exformer::ExportError> export_error(module, "ExportError", PyExc_RuntimeError);
  static py::exception<exformer::ExportError> unsupported_error(module, "UnsupportedError", export_error.ptr());
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const exformer::ExportError& error) {
      const bool is_unsupported = error.kind() == exformer::ErrorKind::Unsupported;
      PyErr_SetString((is_unsupported ? unsupported_error : export_error).ptr(), error.what());
    }
  });
  bind_symbols(module);
  bind_tensor(module);
  bind_session(module);
  bind_exported_model(module);
  module.def("export_dtype", export_dtype);
  module.def("check_checkpoint", &exformer::check_checkpoint);
  module.def("quantized_tensor", &exformer::quantized_tensor);
  module.def("tasks", tasks);
}
