#include "exformer/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace exformer {

void internal_error(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "exformer: internal error: %s does not hold (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace exformer
