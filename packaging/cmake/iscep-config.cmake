# find_package(iscep 1.0 CONFIG REQUIRED), then link iscep::iscep. It needs no other package.
include(${CMAKE_CURRENT_LIST_DIR}/iscep-targets.cmake)
