// EXFORMER_VECTOR_CLONES before a function compiles it for several x86 instruction sets; the best one is chosen when
// the program starts. Sanitizers must be ready before any of our code runs, which the choice would break: there the
// plain form is used.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define EXFORMER_VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define EXFORMER_VECTOR_CLONES
#endif
#define EXFORMER_ALWAYS_INLINE inline __attribute__((always_inline))
