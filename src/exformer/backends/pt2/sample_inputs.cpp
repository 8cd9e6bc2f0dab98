// Pickle protocol 2 (Python's pickletools lists the opcodes) and the layout of torch.serialization._legacy_save.
#include "exformer/backends/pt2/sample_inputs.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "exformer/base/error.h"

namespace exformer::pt2 {
namespace {

std::string little_endian(uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  return bytes;
}

/// One pickle. Containers are opened, filled and closed in order.
class Pickle {
 public:
  Pickle& op(char code) {
    bytes_.push_back(code);
    return *this;
  }
  Pickle& mark() { return op('('); }
  Pickle& tuple() { return op('t'); }
  Pickle& begin_dict() { return op('}').mark(); }
  Pickle& end_dict() { return op('u'); }
  Pickle& begin_list() { return op(']').mark(); }
  Pickle& end_list() { return op('e'); }
  Pickle& boolean(bool value) { return op(value ? '\x88' : '\x89'); }
  Pickle& integer(int64_t value) {
    bytes_ += "\x8a\x08" + little_endian(static_cast<uint64_t>(value), 8);  // LONG1 of eight bytes
    return *this;
  }
  Pickle& text(std::string_view value) {
    bytes_ += "X" + little_endian(value.size(), 4);
    bytes_ += value;
    return *this;
  }
  Pickle& global(std::string_view module, std::string_view name) {
    bytes_ += fmt::format("c{}\n{}\n", module, name);
    return *this;
  }
  Pickle& integers(const std::vector<int64_t>& values) {
    mark();
    for (const int64_t value : values) integer(value);
    return tuple();
  }
  std::string finish() { return op('.').bytes_; }

 private:
  std::string bytes_ = "\x80\x02";
};

std::optional<std::string_view> storage_class(DType dtype) {
  switch (dtype) {
    case DType::Float32: return "FloatStorage";
    case DType::Float64: return "DoubleStorage";
    case DType::Float16: return "HalfStorage";
    case DType::BFloat16: return "BFloat16Storage";
    case DType::Int64: return "LongStorage";
    case DType::Int32: return "IntStorage";
    case DType::Int16: return "ShortStorage";
    case DType::Int8: return "CharStorage";
    case DType::UInt8: return "ByteStorage";
    case DType::Bool: return "BoolStorage";
    default: return std::nullopt;
  }
}

class Writer {
 public:
  explicit Writer(const std::vector<HostTensor>& leaves) : leaves_(leaves) {}

  std::string run(const TreeSpec& spec) {
    object(spec);
    std::string result = magic() + Pickle().integer(kProtocol).finish() + system_info() + pickle_.finish();
    Pickle keys;
    keys.begin_list();
    for (size_t i = 0; i < leaves_.size(); ++i) keys.text(std::to_string(i));
    result += keys.end_list().finish();
    for (const HostTensor& leaf : leaves_) {
      result += little_endian(static_cast<uint64_t>(leaf.element_count()), 8);
      result.append(reinterpret_cast<const char*>(leaf.bytes().data()), leaf.byte_size());
    }
    return result;
  }

 private:
  static constexpr int64_t kProtocol = 1001;

  void object(const TreeSpec& spec) {
    if (spec.is_leaf()) {
      tensor(leaves_[next_]);
      ++next_;
    } else if (spec.type == "builtins.dict") {
      pickle_.begin_dict();
      for (size_t i = 0; i < spec.children.size(); ++i) {
        pickle_.text(spec.context[i].get<std::string>());
        object(spec.children[i]);
      }
      pickle_.end_dict();
    } else if (spec.type == "builtins.list") {
      pickle_.begin_list();
      for (const TreeSpec& child : spec.children) object(child);
      pickle_.end_list();
    } else {
      pickle_.mark();
      for (const TreeSpec& child : spec.children) object(child);
      pickle_.tuple();
    }
  }

  /// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)
  void tensor(const HostTensor& leaf) {
    pickle_.global("torch._utils", "_rebuild_tensor_v2").mark();
    pickle_.mark().text("storage").global("torch", *storage_class(leaf.dtype())).text(std::to_string(next_));
    pickle_.text("cpu").integer(leaf.element_count()).op('N').tuple().op('Q');
    pickle_.integer(0).integers(leaf.sizes()).integers(contiguous_strides(leaf.sizes())).boolean(false);
    pickle_.global("collections", "OrderedDict").op(')').op('R').tuple().op('R');
  }

  /// The number that torch.load knows its stream format by.
  static std::string magic() {
    constexpr std::string_view kMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
    return std::string(kMagic);
  }
  static std::string system_info() {
    Pickle info;
    info.begin_dict().text("protocol_version").integer(kProtocol).text("little_endian").boolean(true);
    info.text("type_sizes").begin_dict();
    for (const auto& [name, size] : {std::pair("short", 2), std::pair("int", 4), std::pair("long", 4)})
      info.text(name).integer(size);
    return info.end_dict().end_dict().finish();
  }

  const std::vector<HostTensor>& leaves_;
  Pickle pickle_;
  size_t next_ = 0;
};

bool is_plain(const TreeSpec& spec) {
  const bool known =
      spec.is_leaf() || spec.type == "builtins.dict" || spec.type == "builtins.list" || spec.type == "builtins.tuple";
  return known && std::all_of(spec.children.begin(), spec.children.end(), is_plain);
}

}  // namespace

std::string sample_inputs(const TreeSpec& in_spec, const std::vector<std::pair<std::string, HostTensor>>& leaves) {
  if (!is_plain(in_spec)) return {};
  std::vector<HostTensor> ordered;
  for (const std::string& path : input_paths(in_spec)) {
    const auto found = std::find_if(leaves.begin(), leaves.end(), [&](const auto& leaf) { return leaf.first == path; });
    if (found == leaves.end() || !storage_class(found->second.dtype())) return {};
    ordered.push_back(found->second.contiguous());
  }
  return Writer(ordered).run(in_spec);
}

}  // namespace exformer::pt2
