// Finds the model in the archive and attaches its weights.
#include "exformer/backends/pt2/reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "exformer/backends/pt2/graph_reader.h"
#include "exformer/backends/pt2/json_access.h"
#include "exformer/backends/pt2/torch_schema.h"
#include "exformer/backends/pt2/zip_reader.h"
#include "exformer/base/error.h"
#include "exformer/ir/verifier.h"

namespace exformer {
namespace {

using namespace pt2;

constexpr uint64_t kTextLimit = uint64_t{512} << 20;
constexpr int64_t kMostElements = int64_t{1} << 48;  // far above any tensor, far below an overflow

// The folder that holds the archive's files: "model/" for ours, the file's stem for torch's.
std::string root_of(const ZipReader& archive) {
  for (const std::string& name : archive.names()) {
    constexpr std::string_view kMark = "/archive_format";
    if (!name.ends_with(kMark) || name.find('/') != name.size() - kMark.size()) continue;
    if (archive.text(name, 64) != "pt2") fail("{}: {} does not say pt2", archive.source(), name);
    return name.substr(0, name.size() - kMark.size() + 1);
  }
  fail("{}: not a .pt2 archive (no archive_format)", archive.source());
}

// "model" where present, else the only one there is.
std::string model_name(const ZipReader& archive, const std::string& root) {
  std::vector<std::string> names;
  const std::string folder = root + "models/";
  for (const std::string& name : archive.names()) {
    if (name.starts_with(folder) && name.ends_with(".json"))
      names.push_back(name.substr(folder.size(), name.size() - folder.size() - 5));
  }
  if (std::find(names.begin(), names.end(), kModelName) != names.end()) return std::string(kModelName);
  if (names.size() == 1) return names[0];
  if (names.empty()) fail("{}: the archive holds no exported program (models/*.json)", archive.source());
  unsupported("{}: the archive holds several programs ({}); one named 'model' is expected", archive.source(),
              fmt::join(names, ", "));
}

std::vector<int64_t> integers(const Json& list, std::string_view name) {
  std::vector<int64_t> values;
  for (const Json& item : list) {
    const int64_t value = integer_member(item, "as_int");
    if (value < 0) fail(".pt2: negative {} {}", name, value);
    values.push_back(value);
  }
  return values;
}

void check_elements(const std::vector<int64_t>& sizes, const std::string& name) {
  int64_t count = 1;
  for (const int64_t size : sizes) {
    if (size > kMostElements || (count *= std::max<int64_t>(size, 1)) > kMostElements)
      fail(".pt2: '{}' has an absurd size", name);
  }
}

// Number of elements from the first to the last that the geometry reaches, or nothing when it overflows.
std::optional<uint64_t> extent(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides, int64_t offset) {
  uint64_t last = static_cast<uint64_t>(offset);
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return 0;
    uint64_t step = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(sizes[i] - 1), static_cast<uint64_t>(strides[i]), &step))
      return std::nullopt;
    if (__builtin_add_overflow(last, step, &last)) return std::nullopt;
  }
  return last + 1;
}

LazyTensor read_payload(const ZipReader& archive, const std::string& name, const std::string& path, const Json& meta) {
  const auto dtype = dtype_of_scalar_type(integer_member(meta, "dtype"));
  if (!dtype)
    unsupported("{}: weight '{}' has scalar type {}, which is not supported", archive.source(), name,
                meta["dtype"].dump());
  if (integer_member(meta, "layout") != kStridedLayout)
    unsupported("{}: weight '{}' is not strided", archive.source(), name);
  const std::vector<int64_t> sizes = integers(list_member(meta, "sizes"), "size");
  const std::vector<int64_t> strides = integers(list_member(meta, "strides"), "stride");
  const int64_t offset = integer_member(member(meta, "storage_offset"), "as_int");
  check_elements(sizes, name);
  Bytes bytes = archive.stored(path);
  const size_t width = item_size(*dtype);
  const uint64_t available = bytes.size() / width;
  const auto needed = sizes.size() == strides.size() && offset >= 0 ? extent(sizes, strides, offset) : std::nullopt;
  if (!needed || *needed > available) {
    if (bytes.empty())
      unsupported("{}: the data of '{}' are not in the file (it was saved from a fake tensor)", archive.source(), name);
    fail("{}: '{}' reaches outside its {} elements in {}", archive.source(), name, available, path);
  }
  if (*needed == 0) return LazyTensor(HostTensor::zeros(*dtype, sizes));
  bytes = bytes.first(available * width);
  HostTensor flat;
  if (reinterpret_cast<uintptr_t>(bytes.data()) % width == 0) {
    flat = HostTensor::view_of(*dtype, {static_cast<int64_t>(available)}, bytes, archive.owner());
  } else {
    flat = HostTensor::empty(*dtype, {static_cast<int64_t>(available)});
    std::memcpy(flat.raw(), bytes.data(), bytes.size());
  }
  return LazyTensor(flat.as_strided(sizes, strides, offset));
}

std::map<std::string, LazyTensor> read_table(const ZipReader& archive, const std::string& folder,
                                             const std::string& config_name, std::string_view prefix) {
  std::map<std::string, LazyTensor> table;
  const std::string config_path = folder + config_name;
  if (!archive.contains(config_path)) {
    unsupported("{}: no {} (archives of torch before 2.9 are not supported)", archive.source(), config_path);
  }
  const Json config = parse_json(archive.text(config_path, kTextLimit), config_path);
  for (const auto& [name, payload] : object_member(config, "config").items()) {
    const std::string& path = text_member(payload, "path_name");
    const Json* meta = optional_member(payload, "tensor_meta");
    if (bool_of(member(payload, "use_pickle"), "use_pickle") || !meta || !path.starts_with(prefix)) {
      unsupported("{}: '{}' is stored as a pickle, which is never read", archive.source(), name);
    }
    table.emplace(name, read_payload(archive, name, folder + path, *meta));
  }
  return table;
}

}  // namespace

ExportedProgram read_pt2(const std::filesystem::path& path, const OpRegistry& ops) {
  return read_pt2(ZipReader::open(path), ops);
}

ExportedProgram read_pt2(const ZipReader& archive, const OpRegistry& ops) {
  const std::string root = root_of(archive);
  if (archive.contains(root + "byteorder") && archive.text(root + "byteorder", 64) != "little") {
    unsupported("{}: only little-endian archives are supported", archive.source());
  }
  const std::string name = model_name(archive, root);
  const std::string path = fmt::format("{}models/{}.json", root, name);
  ExportedProgram program = read_model(parse_json(archive.text(path, kTextLimit), archive.source() + ":" + path), ops);
  program.state_dict = read_table(archive, root + std::string(kWeights), name + "_weights_config.json", kWeightPrefix);
  program.constants =
      read_table(archive, root + std::string(kConstants), name + "_constants_config.json", kConstantPrefix);
  const std::vector<std::string> faults = verify(program);
  if (!faults.empty()) fail("{}: the program is not consistent: {}", archive.source(), fmt::join(faults, "; "));
  return program;
}

}  // namespace exformer
