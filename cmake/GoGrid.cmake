# Compiler settings for all of GoGrid, and gogrid_library(): one library and one test program a source folder.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(GOGRID_FUZZ "Build the libFuzzer targets (clang)" OFF)
set(GOGRID_SANITIZE "" CACHE STRING "Sanitizers for everything we compile, e.g. address,undefined")

# -fPIC for programs too: one precompiled header serves all.
add_compile_options(-fPIC -Wall -Wextra -Wshadow "$<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor;-Woverloaded-virtual>"
  -Werror=return-type)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # It sees only one half of Asio's allocator of coroutine frames.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-mismatched-new-delete>)
endif()
# BOOST_ASIO_NO_DEPRECATED keeps us to today's interface; BOOST_ASIO_SEPARATE_COMPILATION moves Asio's own code out of every file.
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  GOGRID_VERSION="${PROJECT_VERSION}")
if(GOGRID_SANITIZE)
  add_compile_options(-fsanitize=${GOGRID_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GOGRID_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND GOGRID_SANITIZE MATCHES "undefined")
    # clang 14 cannot assemble coroutines with it ("Cannot represent a difference across sections").
    add_compile_options(-fno-sanitize=function)
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND GOGRID_SANITIZE MATCHES "undefined")
    # These four take GCC as long as all the rest. AddressSanitizer finds null and dead objects in use; the fuzzers, which
    # clang builds, have all four for what comes from elsewhere.
    add_compile_options(-fno-sanitize=alignment,null,object-size,vptr)
  endif()
endif()

# Objects hold no path of the checkout, so that every checkout and build folder shares ccache's.
add_compile_options(-ffile-prefix-map=${CMAKE_BINARY_DIR}=build -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_SOURCE_DIR}/cmake/compile ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

option(GOGRID_PRECOMPILE "Precompile cmake/precompiled.hpp: faster from scratch, blind to missing includes" ON)
if(GOGRID_PRECOMPILE)
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cpp "")
  add_library(gogrid_precompiled STATIC ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_precompile_headers(gogrid_precompiled PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.hpp)
endif()
# Every target of ours that compiles C++ calls this.
function(gogrid_target target)
  if(GOGRID_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM gogrid_precompiled)
  endif()
endfunction()

# gogrid_library(NAME [SOURCES_IN folder...] [LINK libs...] [PRIVATE libs...] [TEST_LINK libs...] [TEST_TOGETHER label pattern])
# Makes gogrid_NAME from this folder's *.cpp (and those of SOURCES_IN), and NAME_test from its *_test.cpp and
# *_test_support.cpp. Every GoogleTest case becomes a CTest entry, but for those of TEST_TOGETHER's pattern: they share
# something that is slow to start and are one entry, NAME.label.
function(gogrid_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES_IN;LINK;PRIVATE;TEST_LINK;TEST_TOGETHER")
  set(sources)
  set(tests)
  foreach(folder . ${arg_SOURCES_IN})
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test(_support)?\\.cpp$")
  # One file per platform stands behind a header: x_linux.cpp, x_windows.cpp, x_macos.mm.
  list(FILTER sources EXCLUDE REGEX "_(test|test_support|windows|macos)\\.cpp$")
  add_library(gogrid_${name} STATIC ${sources})
  gogrid_target(gogrid_${name})
  target_include_directories(gogrid_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(gogrid_${name} PUBLIC ${arg_LINK} PRIVATE ${arg_PRIVATE})
  if(tests)
    add_executable(${name}_test ${tests})
    gogrid_target(${name}_test)
    target_link_libraries(${name}_test PRIVATE gogrid_${name} ${arg_PRIVATE} ${arg_TEST_LINK} GTest::gmock GTest::gtest_main)
    set(alone "*")
    if(arg_TEST_TOGETHER)
      list(POP_FRONT arg_TEST_TOGETHER label pattern)
      set(alone "-${pattern}")
      add_test(NAME ${name}.${label} COMMAND ${name}_test --gtest_filter=${pattern})
      set_tests_properties(${name}.${label} PROPERTIES TIMEOUT 300)
    endif()
    gtest_discover_tests(${name}_test TEST_FILTER "${alone}" TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
                         DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120)
  endif()
endfunction()
