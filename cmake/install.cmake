# `cmake --install` gives headers, libraries, the program and a package for find_package(exformer).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
get_property(libraries GLOBAL PROPERTY EXFORMER_LIBRARIES)
install(TARGETS ${libraries} EXPORT exformer_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY src/exformer DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.inc")
install(EXPORT exformer_targets NAMESPACE exformer:: FILE exformer-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/exformer)
configure_package_config_file(cmake/exformer-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/exformer-config.cmake
        INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/exformer)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/exformer-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/exformer-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/exformer-config-version.cmake
        ${PROJECT_SOURCE_DIR}/cmake/FindDnnl.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/exformer)
