# Every outside library is found here and nowhere else; a missing one names the package to install.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(wend_dependency name module package)
  pkg_check_modules(WEND_${name} QUIET IMPORTED_TARGET ${module})
  if(NOT WEND_${name}_FOUND)
    message(FATAL_ERROR "${module} was not found. On Debian or Ubuntu: apt-get install ${package}")
  endif()
  add_library(wend_dep_${name} INTERFACE)
  target_link_libraries(wend_dep_${name} INTERFACE PkgConfig::WEND_${name})
endfunction()

wend_dependency(xxhash libxxhash libxxhash-dev)
wend_dependency(zstd libzstd libzstd-dev)
wend_dependency(uring liburing liburing-dev)
wend_dependency(rdkafka rdkafka librdkafka-dev)
wend_dependency(zlib zlib zlib1g-dev)
wend_dependency(microhttpd libmicrohttpd libmicrohttpd-dev)
wend_dependency(protobuf_c libprotobuf-c libprotobuf-c-dev)
wend_dependency(edit libedit libedit-dev)

# libsnappy and libpg_query ship no pkg-config file.
function(wend_library name header library package)
  find_path(WEND_${name}_INCLUDE ${header})
  find_library(WEND_${name}_LIBRARY ${library})
  if(NOT WEND_${name}_INCLUDE OR NOT WEND_${name}_LIBRARY)
    message(FATAL_ERROR "${header} was not found. On Debian or Ubuntu: apt-get install ${package}")
  endif()
  add_library(wend_dep_${name} INTERFACE)
  target_include_directories(wend_dep_${name} SYSTEM INTERFACE ${WEND_${name}_INCLUDE})
  target_link_libraries(wend_dep_${name} INTERFACE ${WEND_${name}_LIBRARY} ${ARGN})
endfunction()

wend_library(pg_query pg_query.h pg_query libpg-query-dev wend_dep_protobuf_c m)
wend_library(snappy snappy-c.h snappy libsnappy-dev)

add_library(wend_dep_threads INTERFACE)
target_link_libraries(wend_dep_threads INTERFACE Threads::Threads)
