# libwend, shared and static, and what `cmake --install` puts where: program, libraries, public
# headers, pkg-config and CMake package files, manual pages, completion.
include(CMakePackageConfigHelpers)

set(library_sources)
foreach(room base column io sql expr format format_codec format_kernel table query behaviour ingest kafka operations api)
  if(TARGET wend_${room})
    list(APPEND library_sources $<TARGET_OBJECTS:wend_${room}>)
  endif()
endforeach()
set(library_dependencies wend_dep_xxhash wend_dep_zstd wend_dep_threads wend_dep_uring wend_dep_pg_query wend_dep_zlib wend_dep_rdkafka
  wend_dep_microhttpd m)

add_library(libwend_shared SHARED ${library_sources})
target_link_libraries(libwend_shared PRIVATE wend_options ${library_dependencies})
target_link_options(libwend_shared PRIVATE
  LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/wend.map LINKER:--no-undefined)
set_target_properties(libwend_shared PROPERTIES OUTPUT_NAME wend VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/wend.map)

# The static library is one relocatable object whose other symbols were made local, so that only wend_ ones are seen.
set(joined ${PROJECT_BINARY_DIR}/wend_joined.o)
add_custom_command(OUTPUT ${joined}
  COMMAND ${CMAKE_LINKER} -r -o ${joined} ${library_sources}
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=wend_* ${joined}
  DEPENDS ${library_sources} COMMAND_EXPAND_LISTS VERBATIM)
set_source_files_properties(${joined} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
add_library(libwend_static STATIC ${joined})
set_target_properties(libwend_static PROPERTIES OUTPUT_NAME wend LINKER_LANGUAGE C)

# The pkg-config file finds its prefix from where it lies, so that `cmake --install --prefix` may put it anywhere.
file(RELATIVE_PATH WEND_PC_TO_PREFIX "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
string(REGEX REPLACE "/$" "" WEND_PC_TO_PREFIX "${WEND_PC_TO_PREFIX}")
configure_file(cmake/wend.pc.in ${PROJECT_BINARY_DIR}/wend.pc @ONLY)
configure_package_config_file(cmake/wendConfig.cmake.in ${PROJECT_BINARY_DIR}/wendConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/wend PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/wendConfigVersion.cmake COMPATIBILITY SameMinorVersion)

add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/man/wend.1
  COMMAND ${PROJECT_SOURCE_DIR}/tools/cli/write_manual $<TARGET_FILE:wend> ${PROJECT_BINARY_DIR}/man
  DEPENDS wend ${PROJECT_SOURCE_DIR}/tools/cli/write_manual VERBATIM)
add_custom_target(manual ALL DEPENDS ${PROJECT_BINARY_DIR}/man/wend.1)

install(TARGETS wend libwend_shared libwend_static
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY engine/include/wend DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_BINARY_DIR}/wend.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${PROJECT_BINARY_DIR}/wendConfig.cmake ${PROJECT_BINARY_DIR}/wendConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/wend)
install(DIRECTORY ${PROJECT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(FILES ${PROJECT_BINARY_DIR}/man/wend.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME wend)
