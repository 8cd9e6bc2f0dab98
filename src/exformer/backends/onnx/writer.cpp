// Serialises an OnnxModel: protobuf for the graph, weights streamed to a sidecar, each storage once.
#include <fmt/format.h>

#include <optional>
#include <set>
#include <unordered_map>

#include "exformer/backends/onnx/onnx.h"
#include "exformer/backends/onnx/onnx_graph.h"
#include "exformer/base/error.h"
#include "exformer/base/file.h"
#include "exformer/symbolic/printers.h"
#include "onnx.pb.h"

namespace exformer {
namespace onnx {
namespace {

constexpr uint64_t kInlineLimit =
    (uint64_t{1} << 31) - (uint64_t{64} << 20);  // one protobuf message holds less than 2 GB
constexpr uint64_t kSmallestExternal = 1024;     // smaller tensors stay in the model file
constexpr size_t kAlignment = 64, kLargeAlignment = 4096;
constexpr uint64_t kLarge = uint64_t{1} << 20;

/// The IR version that came with an opset (onnx/docs/Versioning.md).
int64_t ir_version(int opset) {
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  if (opset <= 22) return 10;
  return opset == 23 ? 11 : 12;
}

/// Where a tensor's bytes lie outside the model file.
struct ExternalPlace {
  std::string location;
  uint64_t offset = 0;
  uint64_t length = 0;
};

uint64_t byte_size(const Initializer& initializer) {
  uint64_t total = 0;
  for (const LazyTensor& part : initializer.parts) total += part.byte_size();
  return total;
}

void stream(const Initializer& initializer, const std::function<void(Bytes)>& sink) {
  for (const LazyTensor& part : initializer.parts) part.stream(sink);
}

void fill_info(const OnnxValue& value, onnx_pb::ValueInfoProto& proto) {
  proto.set_name(value.name);
  auto* tensor = proto.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(element_type(value.dtype));
  auto* shape = tensor->mutable_shape();
  for (const SymInt& size : value.sizes) {
    auto* dim = shape->add_dim();
    if (size.is_constant()) {
      dim->set_dim_value(size.value());
    } else {
      dim->set_dim_param(to_dim_param(size));
    }
  }
}

void fill_tensor(const OnnxValue& value, const Initializer& initializer, onnx_pb::TensorProto& proto) {
  for (const SymInt& size : value.sizes) proto.add_dims(size.value());
  proto.set_data_type(element_type(value.dtype));
  std::string& bytes = *proto.mutable_raw_data();
  bytes.reserve(byte_size(initializer));
  stream(initializer, [&](Bytes block) { bytes.append(reinterpret_cast<const char*>(block.data()), block.size()); });
}

void fill_attribute(const std::string& name, const Attribute& value, onnx_pb::AttributeProto& proto) {
  proto.set_name(name);
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    proto.set_type(onnx_pb::AttributeProto::INT);
    proto.set_i(*integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    proto.set_type(onnx_pb::AttributeProto::FLOAT);
    proto.set_f(static_cast<float>(*real));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    proto.set_type(onnx_pb::AttributeProto::STRING);
    proto.set_s(*text);
  } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&value)) {
    proto.set_type(onnx_pb::AttributeProto::INTS);
    for (const int64_t item : *integers) proto.add_ints(item);
  } else if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
    proto.set_type(onnx_pb::AttributeProto::FLOATS);
    for (const double item : *reals) proto.add_floats(static_cast<float>(item));
  } else {
    const HostTensor tensor = std::get<HostTensor>(value).contiguous();
    proto.set_type(onnx_pb::AttributeProto::TENSOR);
    fill_tensor({"", tensor.dtype(), Sizes(tensor.sizes().begin(), tensor.sizes().end())}, {{LazyTensor(tensor)}},
                *proto.mutable_t());
  }
}

void fill_node(const OnnxGraph& graph, const OnnxNode& node, onnx_pb::NodeProto& proto) {
  for (const ValueId input : node.inputs) proto.add_input(input == kAbsent ? "" : graph.value(input).name);
  for (const ValueId output : node.outputs) proto.add_output(output == kAbsent ? "" : graph.value(output).name);
  proto.set_name(node.name.empty() ? graph.value(node.outputs.front()).name : node.name);
  proto.set_op_type(node.op_type);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  for (const auto& [name, value] : node.attributes) fill_attribute(name, value, *proto.add_attribute());
}

void fill_external(const OnnxValue& value, const ExternalPlace& place, onnx_pb::TensorProto& proto) {
  for (const SymInt& size : value.sizes) proto.add_dims(size.value());
  proto.set_data_type(element_type(value.dtype));
  const auto add = [&](const char* key, const std::string& text) {
    auto* entry = proto.add_external_data();
    entry->set_key(key);
    entry->set_value(text);
  };
  add("location", place.location);
  add("offset", std::to_string(place.offset));
  add("length", std::to_string(place.length));
  proto.set_data_location(onnx_pb::TensorProto::EXTERNAL);
}

/// Finds a place for each weight: one after the other in the sidecar, the same storage once, or where the checkpoint
/// holds it already.
class Places {
 public:
  explicit Places(const OnnxFiles& files)
      : file_(files.sidecar), name_(files.sidecar_name), shares_(files.weights == OnnxOptions::Weights::Share) {}

  ExternalPlace place(const Initializer& initializer) {
    if (const auto shared = place_in_checkpoint(initializer)) return *shared;
    std::string key;
    for (const LazyTensor& part : initializer.parts) key += part.storage_key() + ";";
    const auto [position, is_new] = written_.try_emplace(key);
    if (is_new) {
      const uint64_t length = byte_size(initializer);
      file_.align(length >= kLarge ? kLargeAlignment : kAlignment);
      position->second = {name_, file_.offset(), length};
      stream(initializer, [&](Bytes block) { file_.write(block); });
    }
    return position->second;
  }
  /// The checkpoint's files that places lie in.
  std::vector<std::filesystem::path> close() {
    file_.close();
    return {shared_.begin(), shared_.end()};
  }

 private:
  std::optional<ExternalPlace> place_in_checkpoint(const Initializer& initializer) {
    if (!shares_ || initializer.parts.size() != 1) return std::nullopt;
    const MappedFile* file = initializer.parts[0].source().mapping();
    const auto bytes = initializer.parts[0].direct_bytes();
    if (!file || !bytes) return std::nullopt;
    shared_.insert(file->path());
    return ExternalPlace{file->path().filename().string(), static_cast<uint64_t>(bytes->data() - file->bytes().data()),
                         bytes->size()};
  }

  OutputFile file_;
  std::string name_;
  bool shares_;
  std::unordered_map<std::string, ExternalPlace> written_;
  std::set<std::filesystem::path> shared_;
};

class Writer {
 public:
  Writer(const OnnxModel& model, Places& places)
      : graph_(*model.graph), options_(model.options), places_(places), out_(*proto_.mutable_graph()) {}

  std::string run() {
    proto_.set_ir_version(ir_version(graph_.opset()));
    proto_.set_producer_name("exformer");
    add_opset("", graph_.opset());
    for (const OnnxNode& node : graph_.nodes()) {
      if (node.domain.empty()) continue;
      add_opset(node.domain, 1);
      break;
    }
    out_.set_name("main_graph");
    for (const ValueId input : graph_.inputs) fill_info(graph_.value(input), *out_.add_input());
    uint64_t total = 0;
    for (const auto& [id, initializer] : graph_.initializers()) total += byte_size(initializer);
    is_external_ = options_.external_data || total >= kInlineLimit;
    for (const auto& [id, initializer] : graph_.initializers()) add_initializer(graph_.value(id), initializer);
    for (const OnnxNode& node : graph_.nodes()) fill_node(graph_, node, *out_.add_node());
    for (const ValueId output : graph_.outputs) fill_info(graph_.value(output), *out_.add_output());
    std::string bytes;
    if (!proto_.SerializeToString(&bytes)) fail("the ONNX graph could not be serialised");
    return bytes;
  }

 private:
  void add_opset(const std::string& domain, int64_t version) {
    auto* opset = proto_.add_opset_import();
    opset->set_domain(domain);
    opset->set_version(version);
  }

  void add_initializer(const OnnxValue& value, const Initializer& initializer) {
    if (initializer.is_weight && (!options_.export_params || options_.keep_initializers_as_inputs))
      fill_info(value, *out_.add_input());
    if (initializer.is_weight && !options_.export_params) return;
    if (!initializer.is_weight && options_.keep_initializers_as_inputs) {
      // An initializer that is no input would be a constant, one that is could be overridden: shapes and axes are
      // neither.
      auto* node = out_.add_node();
      node->add_output(value.name);
      node->set_name(value.name);
      node->set_op_type("Constant");
      auto* attribute = node->add_attribute();
      attribute->set_name("value");
      attribute->set_type(onnx_pb::AttributeProto::TENSOR);
      fill_tensor(value, initializer, *attribute->mutable_t());
      return;
    }
    auto* tensor = out_.add_initializer();
    tensor->set_name(value.name);
    if (is_external_ && byte_size(initializer) >= kSmallestExternal) {
      fill_external(value, places_.place(initializer), *tensor);
    } else {
      fill_tensor(value, initializer, *tensor);
    }
  }

  const OnnxGraph& graph_;
  const OnnxOptions& options_;
  Places& places_;
  onnx_pb::ModelProto proto_;
  onnx_pb::GraphProto& out_;
  bool is_external_ = true;
};

}  // namespace
}  // namespace onnx

OnnxModel::OnnxModel() = default;
OnnxModel::OnnxModel(OnnxModel&&) noexcept = default;
OnnxModel& OnnxModel::operator=(OnnxModel&&) noexcept = default;
OnnxModel::~OnnxModel() = default;
size_t OnnxModel::node_count() const { return graph->nodes().size(); }

std::vector<std::filesystem::path> write_onnx(const OnnxModel& model, const OnnxFiles& files) {
  onnx::Places places(files);
  const std::string bytes = onnx::Writer(model, places).run();
  OutputFile file(files.model);
  file.write(bytes);
  file.close();
  return places.close();
}

}  // namespace exformer
