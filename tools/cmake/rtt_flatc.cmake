# SPDX-License-Identifier: Apache-2.0
# rtt_flatc(FLOOR SCHEMA): build/…/generated/FLOOR/SCHEMA_generated.h from src/FLOOR/SCHEMA.fbs, before the floor builds.
find_program(RTT_FLATC flatc REQUIRED)

function(rtt_flatc floor schema)
  set(source ${CMAKE_SOURCE_DIR}/src/${floor}/${schema}.fbs)
  set(folder ${CMAKE_BINARY_DIR}/generated/${floor})
  set(header ${folder}/${schema}_generated.h)
  add_custom_command(OUTPUT ${header}
    COMMAND ${RTT_FLATC} --cpp --scoped-enums -o ${folder} ${source}
    DEPENDS ${source} VERBATIM)
  target_sources(rtt_${floor} PRIVATE ${header})
endfunction()
