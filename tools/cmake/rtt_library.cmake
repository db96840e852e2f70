# SPDX-License-Identifier: Apache-2.0
# rtt_library(NAME SHARED): target rtt_lib_NAME, a library of others as its package describes it in target SHARED.
# An executable with the property RTT_ARCHIVES gets libNAME.a where there is one. The loader's work for the shared
# ones (libcrypto above all) was 3.7 of the 6.5 ms of `rtt --version`, and `rtt` starts often: for a command, for a
# host, for each client's gateway. Tests and librtt.so keep the shared ones: they link faster, and archives need not
# be position independent.
function(rtt_library name shared)
  add_library(rtt_lib_${name} INTERFACE)
  find_library(RTT_ARCHIVE_${name} NAMES lib${name}.a)
  if(RTT_ARCHIVE_${name})
    target_include_directories(rtt_lib_${name} SYSTEM INTERFACE
      $<TARGET_PROPERTY:${shared},INTERFACE_INCLUDE_DIRECTORIES>)
    target_compile_options(rtt_lib_${name} INTERFACE $<TARGET_PROPERTY:${shared},INTERFACE_COMPILE_OPTIONS>)
    target_link_libraries(rtt_lib_${name} INTERFACE
      $<IF:$<BOOL:$<TARGET_PROPERTY:RTT_ARCHIVES>>,${RTT_ARCHIVE_${name}},${shared}>)
  else()
    target_link_libraries(rtt_lib_${name} INTERFACE ${shared})
  endif()
endfunction()
