// Weights that transformers' converters make of several tensors: put together part by part in a file without a name,
// mapped, so that they take no memory of their own however large they are.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "exformer/base/error.h"
#include "exformer/ops/host_copy.h"
#include "exformer/ops/shape_rules.h"
#include "session.h"

namespace exformer::python {
namespace {

/// Contiguous memory that belongs to a file in `directory` and goes with the last tensor that uses it.
HostTensor scratch_tensor(const std::filesystem::path& directory, DType dtype, std::vector<int64_t> sizes) {
  const size_t size = static_cast<size_t>(element_count(sizes)) * item_size(dtype);
  std::string path = (directory / ".weights-XXXXXX").string();
  const int file = ::mkstemp(path.data());
  if (file < 0) fail("cannot make a file in '{}': {}", directory.string(), std::strerror(errno));
  ::unlink(path.c_str());
  const bool has_room = ::posix_fallocate(file, 0, static_cast<off_t>(size)) == 0;
  void* memory = has_room ? ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
  ::close(file);
  if (memory == MAP_FAILED) fail("there is no room for {} bytes in '{}'", size, directory.string());
  std::shared_ptr<const void> owner(memory, [size](const void* start) { ::munmap(const_cast<void*>(start), size); });
  return HostTensor::view_of(dtype, std::move(sizes), Bytes(static_cast<const std::byte*>(memory), size), owner);
}

/// [start, start + length) of one dim.
HostTensor window(const HostTensor& tensor, size_t dim, int64_t start, int64_t length) {
  std::vector<int64_t> sizes = tensor.sizes();
  sizes[dim] = length;
  return tensor.as_strided(std::move(sizes), tensor.strides(), start * tensor.strides()[dim]);
}

/// One index of a dim, which goes.
HostTensor selected(const HostTensor& tensor, size_t dim, int64_t index) {
  std::vector<int64_t> sizes = tensor.sizes(), strides = tensor.strides();
  const int64_t offset = index * strides[dim];
  sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(dim));
  strides.erase(strides.begin() + static_cast<std::ptrdiff_t>(dim));
  return tensor.as_strided(std::move(sizes), std::move(strides), offset);
}

size_t dim_of(const ValueArgs& args, int64_t rank) {
  return static_cast<size_t>(wrap_dim(args.integer("dim"), rank, args.schema().name));
}

}  // namespace

bool Session::place(Value* value, HostTensor target) {
  if (const Node* node = value->producer(); node && !data_.contains(value)) {
    const ValueArgs args(node->schema(), node->arguments());
    if (node->is("aten::cat") || node->is("aten::stack")) {
      const size_t dim = dim_of(args, target.rank());
      int64_t start = 0;
      for (Value* part : args.tensors("tensors")) {
        const int64_t length = node->is("aten::cat") ? part->meta.sizes[dim].value() : 1;
        const HostTensor place_of_part =
            node->is("aten::cat") ? window(target, dim, start, length) : selected(target, dim, start);
        if (!place(part, place_of_part)) return false;
        start += length;
      }
      return true;
    }
    if (node->is("aten::transpose.int")) {
      std::vector<int64_t> sizes = target.sizes(), strides = target.strides();
      const auto a = static_cast<size_t>(wrap_dim(args.integer("dim0"), target.rank(), "transpose"));
      const auto b = static_cast<size_t>(wrap_dim(args.integer("dim1"), target.rank(), "transpose"));
      std::swap(sizes[a], sizes[b]);
      std::swap(strides[a], strides[b]);
      return place(args.tensor("self"), target.as_strided(std::move(sizes), std::move(strides), 0));
    }
    if (passes_values_on(*node)) return place(node->inputs().front(), std::move(target));
  }
  const auto source = evaluate(value, Given::Constants);
  if (!source) return false;
  copy_elements(source->dtype() == target.dtype() ? *source : source->to(target.dtype()), target);
  if (source->mapping() && source->is_contiguous()) source->mapping()->release_pages(source->bytes());
  return true;
}

std::optional<LazyTensor> Session::assembled(Value* value) {
  std::vector<int64_t> sizes;
  for (const SymInt& size : value->meta.sizes) {
    if (!size.is_constant()) return std::nullopt;
    sizes.push_back(size.value());
  }
  HostTensor target = scratch_tensor(scratch_, value->meta.dtype, std::move(sizes));
  if (!place(value, target)) return std::nullopt;
  return LazyTensor(std::move(target));
}

}  // namespace exformer::python
