// The tensors of a table of rows, in and out, and sizes under given values of the symbols.
#pragma once

#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exformer/base/file.h"
#include "exformer/base/json.h"
#include "exformer/symbolic/sym_int.h"
#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// Contiguous tensors by name, as safetensors holds them.
class TensorFile {
 public:
  explicit TensorFile(const std::filesystem::path& path) : file_(MappedFile::open(path)) {
    const Bytes bytes = file_->bytes();
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof(length));
    header_ = parse_json({reinterpret_cast<const char*>(bytes.data()) + 8, length}, path.string());
    data_ = bytes.subspan(8 + length);
  }
  HostTensor get(const std::string& name, DType dtype) const {
    const Json& entry = header_.at(name);
    const auto begin = entry["data_offsets"][0].get<size_t>();
    const auto end = entry["data_offsets"][1].get<size_t>();
    const auto count = static_cast<int64_t>((end - begin) / item_size(dtype));
    return HostTensor::view_of(dtype, {count}, data_.subspan(begin, end - begin), file_);
  }

 private:
  std::shared_ptr<const MappedFile> file_;
  Json header_;
  Bytes data_;
};

class TensorWriter {
 public:
  void add(const std::string& name, const HostTensor& tensor) {
    const HostTensor whole = tensor.contiguous();
    static const std::map<DType, std::string> kNames{
        {DType::Bool, "BOOL"},   {DType::UInt8, "U8"},    {DType::Int8, "I8"},       {DType::Int16, "I16"},
        {DType::Int32, "I32"},   {DType::Int64, "I64"},   {DType::Float16, "F16"},   {DType::BFloat16, "BF16"},
        {DType::Float32, "F32"}, {DType::Float64, "F64"}, {DType::Complex64, "C64"}, {DType::UInt16, "U16"},
        {DType::UInt32, "U32"},  {DType::UInt64, "U64"}};
    header_[name] = {{"dtype", kNames.at(whole.dtype())},
                     {"shape", whole.sizes()},
                     {"data_offsets", {data_.size(), data_.size() + whole.byte_size()}}};
    const Bytes bytes = whole.bytes();
    data_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void write(const std::filesystem::path& path) const {
    std::string header = header_.empty() ? "{}" : header_.dump();
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const uint64_t length = header.size();
    OutputFile file(path);
    file.write(std::string_view(reinterpret_cast<const char*>(&length), sizeof(length)));
    file.write(header);
    file.write(data_);
    file.close();
  }

 private:
  Json header_ = Json::object();
  std::string data_;
};

using Lookup = std::function<int64_t(std::string_view)>;

inline std::vector<int64_t> evaluate_all(const std::vector<SymInt>& list, const Lookup& lookup) {
  std::vector<int64_t> values;
  for (const SymInt& item : list) values.push_back(evaluate(item, lookup));
  return values;
}

}  // namespace exformer
