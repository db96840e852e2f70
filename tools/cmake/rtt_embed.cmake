# SPDX-License-Identifier: Apache-2.0
# Builds the verb pages and completion scripts into the cli floor.
file(GLOB rtt_page_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/cli/*.md ${CMAKE_SOURCE_DIR}/share/completions/*)
set(rtt_pages ${CMAKE_BINARY_DIR}/generated/cli/pages.cc)
add_custom_command(
  OUTPUT ${rtt_pages}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated/cli
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUT=${rtt_pages} -DVERSION=${PROJECT_VERSION}
          -P ${CMAKE_SOURCE_DIR}/tools/cmake/rtt_pages.cmake
  DEPENDS ${rtt_page_sources} ${CMAKE_SOURCE_DIR}/tools/cmake/rtt_pages.cmake
  VERBATIM)
target_sources(rtt_cli PRIVATE ${rtt_pages})

install(FILES share/completions/rtt.bash DESTINATION share/bash-completion/completions RENAME rtt)
install(FILES share/completions/rtt.zsh DESTINATION share/zsh/site-functions RENAME _rtt)
install(FILES share/completions/rtt.fish DESTINATION share/fish/vendor_completions.d)
