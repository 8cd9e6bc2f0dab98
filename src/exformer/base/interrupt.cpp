#include "exformer/base/interrupt.h"

#include <atomic>

#include "exformer/base/error.h"

namespace exformer {
namespace {

// A signal belongs to the process, so its flag does too.
std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void request_interrupt() noexcept { requested.store(true, std::memory_order_relaxed); }

void throw_if_interrupted() {
  if (requested.load(std::memory_order_relaxed)) fail("interrupted");
}

}  // namespace exformer
