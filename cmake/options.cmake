# Compiler settings shared by every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
add_compile_options(-Wall -Wextra -Wpedantic -Wno-missing-field-initializers)
if(NOT SKBUILD)  # users of a source package have compilers that are not known yet
  add_compile_options(-Werror)
endif()
# GCC 12 to 14 report these falsely inside the standard library at -O2 and -O3.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-error=dangling-pointer -Wno-error=array-bounds
                      -Wno-error=stringop-overflow)
endif()
# Clang says so when it leaves a loop scalar that was marked for vectors, as with the sanitizers.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(-Wno-pass-failed)
endif()
# Coverage for libFuzzer in every library; only the fuzzers themselves link its main function.
if(EXFORMER_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
if(EXFORMER_SANITIZE)
  add_compile_options(-fsanitize=${EXFORMER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EXFORMER_SANITIZE})
endif()
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
