// Kernels that work element by element over strided, broadcast inputs. Elements are brought to the arithmetic type in
// blocks that stay in the first-level cache, so that a kernel is one plain loop over contiguous memory whatever the
// dtypes and strides are.
#pragma once

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "exformer/ops/dispatch.h"
#include "exformer/tensor/host_tensor.h"

namespace exformer {

// Loops are compiled for the instruction sets that most machines have, and chosen when the program is loaded.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define EXFORMER_VECTOR_LOOP __attribute__((flatten, target_clones("default", "arch=x86-64-v3")))
#else
#define EXFORMER_VECTOR_LOOP
#endif

/// Sizes that all inputs broadcast to; throws ExportError when they do not.
std::vector<int64_t> broadcast_host_sizes(std::span<const HostTensor> inputs);

/// One input and the dtype in which its elements reach the loop.
struct BlockInput {
  HostTensor tensor;
  DType as;
};

/// A loop over `count` elements: `inputs` and `output` point to contiguous elements of the arithmetic types.
struct BlockLoop {
  void (*run)(const void* context, int64_t count, const std::byte* const* inputs, std::byte* output);
  const void* context;
};

/// Runs `loop` over all elements of the broadcast inputs; the result is contiguous and of dtype `result`, made from
/// elements of `output_as`.
HostTensor run_blocks(std::span<const BlockInput> inputs, const std::vector<int64_t>& sizes, DType output_as,
                      DType result, BlockLoop loop);

namespace detail {

template <class R, class F, class... T>
EXFORMER_VECTOR_LOOP void loop_elements(const F& function, int64_t count, R* __restrict output,
                                        const T* __restrict... inputs) {
  for (int64_t i = 0; i < count; ++i) output[i] = static_cast<R>(function(inputs[i]...));
}

template <class R, class... T>
struct ElementLoop {
  template <class F>
  static void run(const void* context, int64_t count, const std::byte* const* inputs, std::byte* output) {
    call<F>(*static_cast<const F*>(context), count, inputs, output, std::index_sequence_for<T...>());
  }
  template <class F, size_t... I>
  static void call(const F& function, int64_t count, const std::byte* const* inputs, std::byte* output,
                   std::index_sequence<I...>) {
    loop_elements<R, F, T...>(function, count, reinterpret_cast<R*>(output), reinterpret_cast<const T*>(inputs[I])...);
  }
};

template <class T>
struct TensorFor {
  using type = HostTensor;
};

}  // namespace detail

/// result[i] = function(inputs[i]...): each T is the arithmetic type in which an input is read (uint8_t for a
/// condition), R that of the result before it is stored as `dtype`. Inputs broadcast.
template <class R, class... T, class F>
HostTensor map_elements(DType dtype, const F& function, const typename detail::TensorFor<T>::type&... inputs) {
  const std::array<BlockInput, sizeof...(T)> list{BlockInput{inputs, ArithmeticType<T>::kDType}...};
  const std::array<HostTensor, sizeof...(T)> tensors{inputs...};
  const BlockLoop loop{&detail::ElementLoop<R, T...>::template run<F>, &function};
  return run_blocks(list, broadcast_host_sizes(tensors), ArithmeticType<R>::kDType, dtype, loop);
}

}  // namespace exformer
