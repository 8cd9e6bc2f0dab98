#include "exformer/checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <set>

#include "exformer/base/error.h"
#include "exformer/base/json.h"

namespace exformer {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the reference's limit

struct Name {
  DType dtype;
  std::string_view name;
};
/// In the order in which the reference writes tensors: wide dtypes first, so that each starts at a multiple of its
/// size.
constexpr Name kDTypes[] = {
    {DType::UInt64, "U64"},         {DType::Int64, "I64"},  {DType::Float64, "F64"}, {DType::Complex64, "C64"},
    {DType::Float32, "F32"},        {DType::UInt32, "U32"}, {DType::Int32, "I32"},   {DType::BFloat16, "BF16"},
    {DType::Float16, "F16"},        {DType::UInt16, "U16"}, {DType::Int16, "I16"},   {DType::Float8E4M3FN, "F8_E4M3"},
    {DType::Float8E5M2, "F8_E5M2"}, {DType::Int8, "I8"},    {DType::UInt8, "U8"},    {DType::Bool, "BOOL"},
};

const Name& row_of(DType dtype) {
  for (const Name& row : kDTypes) {
    if (row.dtype == dtype) return row;
  }
  unsupported("safetensors has no dtype for {}", dtype_name(dtype));
}

SafetensorsEntry parse_entry(const std::string& source, const std::string& name, const Json& value, uint64_t data_start,
                             uint64_t data_size) {
  const auto require = [&](bool condition, std::string_view what) {
    if (!condition) fail("{}: tensor '{}' {}", source, name, what);
  };
  require(value.is_object() && value.contains("dtype") && value.contains("shape") && value.contains("data_offsets"),
          "lacks dtype, shape or data_offsets");
  require(value["dtype"].is_string(), "has a dtype that is not a string");
  const auto dtype_text = value["dtype"].get<std::string>();
  const auto* found =
      std::find_if(std::begin(kDTypes), std::end(kDTypes), [&](const Name& row) { return row.name == dtype_text; });
  if (found == std::end(kDTypes)) unsupported("{}: tensor '{}' has the unknown dtype '{}'", source, name, dtype_text);
  SafetensorsEntry entry{.dtype = found->dtype};
  require(value["shape"].is_array() && value["shape"].size() <= 64, "has a shape that is not a list of sizes");
  uint64_t bytes = item_size(entry.dtype);  // of the sizes that are not 0: strides must fit, too
  bool is_empty = false;
  for (const Json& size : value["shape"]) {
    require(size.is_number_unsigned() && size.get<uint64_t>() <= (uint64_t{1} << 62),
            "has a size that is negative or too large");
    const auto extent = size.get<uint64_t>();
    entry.sizes.push_back(static_cast<int64_t>(extent));
    is_empty = is_empty || extent == 0;
    if (extent != 0) {
      require(bytes <= (uint64_t{1} << 62) / extent, "has sizes whose product is too large");
      bytes *= extent;
    }
  }
  if (is_empty) bytes = 0;
  const Json& offsets = value["data_offsets"];
  require(
      offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(),
      "has data_offsets that are not two positive integers");
  const auto begin = offsets[0].get<uint64_t>();
  const auto end = offsets[1].get<uint64_t>();
  require(begin <= end && end <= data_size, "lies outside the file");
  if (end - begin != bytes) {
    fail("{}: tensor '{}' has {} bytes, its dtype {} and shape need {}", source, name, end - begin, dtype_text, bytes);
  }
  entry.file_offset = data_start + begin;
  entry.byte_size = bytes;
  return entry;
}

}  // namespace

std::shared_ptr<const SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  const auto mapped = MappedFile::open(path);
  auto file = read(mapped->bytes(), path);
  file->mapping_ = mapped;
  return file;
}

std::shared_ptr<const SafetensorsFile> SafetensorsFile::parse(Bytes bytes, std::shared_ptr<const void> owner,
                                                              const std::filesystem::path& path) {
  auto file = read(bytes, path);
  file->owner_ = std::move(owner);
  return file;
}

std::shared_ptr<SafetensorsFile> SafetensorsFile::read(Bytes bytes, const std::filesystem::path& path) {
  const std::string source = path.string();
  if (bytes.size() < 8)
    fail("{}: not a safetensors file: {} bytes are too few for its header length", source, bytes.size());
  uint64_t header_size = 0;
  for (size_t i = 8; i-- > 0;) header_size = header_size << 8 | static_cast<uint64_t>(bytes[i]);
  if (header_size > kMaxHeader)
    fail("{}: not a safetensors file: a header of {} bytes is above the limit of {}", source, header_size, kMaxHeader);
  if (header_size > bytes.size() - 8)
    fail("{}: truncated: the header should have {} bytes, the file has {}", source, header_size, bytes.size());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, header_size);
  const Json header = parse_json(text, source + " (header)", {.max_depth = 8, .refuse_duplicate_keys = true});
  if (!header.is_object()) fail("{}: the header is not a JSON object", source);

  auto file = std::make_shared<SafetensorsFile>();
  file->path_ = path;
  file->bytes_ = bytes;
  const uint64_t data_start = 8 + header_size;
  const uint64_t data_size = bytes.size() - data_start;
  std::vector<std::pair<uint64_t, const std::string*>> by_offset;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      if (value.is_null()) continue;
      if (!value.is_object()) fail("{}: __metadata__ is not an object", source);
      for (const auto& [key, item] : value.items()) {
        if (!item.is_string()) fail("{}: __metadata__ '{}' is not a string", source, key);
        file->metadata_.emplace(key, item.get<std::string>());
      }
      continue;
    }
    const auto [position, inserted] =
        file->entries_.emplace(name, parse_entry(source, name, value, data_start, data_size));
    by_offset.emplace_back(position->second.file_offset, &position->first);
  }
  // Empty tensors may share an offset with the next one, so they come first there.
  std::sort(by_offset.begin(), by_offset.end(), [&](const auto& a, const auto& b) {
    return std::pair(a.first, file->entries_.at(*a.second).byte_size) <
           std::pair(b.first, file->entries_.at(*b.second).byte_size);
  });
  uint64_t end = data_start;
  for (const auto& [offset, name] : by_offset) {
    if (offset != end)
      fail("{}: tensor '{}' {} the one before it", source, *name, offset < end ? "overlaps" : "leaves a hole after");
    end = offset + file->entries_.at(*name).byte_size;
  }
  if (end != bytes.size()) fail("{}: {} bytes at the end belong to no tensor", source, bytes.size() - end);
  return file;
}

HostTensor SafetensorsFile::tensor(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail("{}: there is no tensor '{}'", path_.string(), name);
  const SafetensorsEntry& entry = found->second;
  const Bytes window = bytes_.subspan(entry.file_offset, entry.byte_size);
  if (mapping_) return HostTensor::view_of(entry.dtype, entry.sizes, window, mapping_);
  return HostTensor::view_of(entry.dtype, entry.sizes, window, owner_);
}

std::vector<std::pair<std::string, HostTensor>> read_safetensors(const std::filesystem::path& path) {
  const auto file = SafetensorsFile::open(path);
  std::vector<std::pair<std::string, HostTensor>> tensors;
  std::set<std::string> taken;
  const auto take = [&](const std::string& name) {
    if (taken.insert(name).second) tensors.emplace_back(name, file->tensor(name).aligned());
  };
  if (const auto order = file->metadata().find("order"); order != file->metadata().end()) {
    const std::string source = path.string() + " (__metadata__ order)";
    const Json names = parse_json(order->second, source);
    if (!names.is_array()) fail("{}: not a list of names", source);
    for (const Json& name : names) {
      if (!name.is_string()) fail("{}: not a list of names", source);
      if (!file->entries().contains(name.get<std::string>()))
        fail("{}: there is no tensor {}", source, dump_json(name));
      take(name.get<std::string>());
    }
  }
  for (const auto& [name, entry] : file->entries()) take(name);
  return tensors;
}

void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, HostTensor>>& tensors,
                       const SafetensorsOptions& options) {
  std::vector<size_t> order(tensors.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const Name* row_a = &row_of(tensors[a].second.dtype());
    const Name* row_b = &row_of(tensors[b].second.dtype());
    return row_a != row_b ? row_a < row_b : tensors[a].first < tensors[b].first;
  });
  std::map<std::string, std::string> metadata = options.metadata;
  if (options.keep_order) {
    Json names = Json::array();
    for (const auto& [name, tensor] : tensors) names.push_back(name);
    metadata["order"] = dump_json(names);
  }
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const size_t i : order) {
    const auto& [name, tensor] = tensors[i];
    if (header.contains(name) || name == "__metadata__") fail("{}: the tensor name '{}' is taken", path.string(), name);
    const uint64_t end = offset + tensor.byte_size();
    header[name] = {{"dtype", row_of(tensor.dtype()).name}, {"shape", tensor.sizes()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  OutputFile file(path);
  std::array<std::byte, 8> length{};
  for (size_t i = 0; i < length.size(); ++i) length[i] = static_cast<std::byte>(text.size() >> (8 * i));
  file.write(Bytes(length));
  file.write(text);
  for (const size_t i : order) file.write(tensors[i].second.contiguous().bytes());
  file.close();
}

}  // namespace exformer
