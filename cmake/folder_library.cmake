# exformer_library(<folder> [PUBLIC deps...] [PRIVATE deps...]): one library per folder, every .cpp in it.
# A folder links exactly the folders that it may include; tests/layering_test.cpp holds the includes to the same arrows.
function(exformer_library folder)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(exformer_${name} STATIC ${sources})
  add_library(exformer::${name} ALIAS exformer_${name})
  target_include_directories(exformer_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include>)
  target_compile_features(exformer_${name} PUBLIC cxx_std_20)
  target_link_libraries(exformer_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  set_target_properties(exformer_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY EXFORMER_LIBRARIES exformer_${name})
endfunction()
