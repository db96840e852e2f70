# SPDX-License-Identifier: Apache-2.0
# cmake -DSOURCE=dir -DOUT=pages.cc -DVERSION=x -P rtt_pages.cmake: docs/cli/*.md and share/completions/* as C++.
set(entries "")
file(GLOB pages ${SOURCE}/docs/cli/*.md)
list(SORT pages)
foreach(page ${pages})
  get_filename_component(name ${page} NAME_WE)
  if(NOT name MATCHES "^(README|exit-status)$")
    file(READ ${page} text)
    string(APPEND entries "    {\"${name}\", R\"page(${text})page\"},\n")
  endif()
endforeach()
foreach(shell bash zsh fish)
  file(READ ${SOURCE}/share/completions/rtt.${shell} text)
  string(APPEND entries "    {\"completion.${shell}\", R\"page(${text})page\"},\n")
endforeach()
file(WRITE ${OUT}
"// Written by tools/cmake/rtt_pages.cmake.
#include <array>

#include \"cli/pages.h\"

namespace rtt::cli {
namespace {
constexpr auto kPages = std::to_array<Page>({
${entries}});
}  // namespace
std::span<const Page> pages() { return kPages; }
std::string_view version() { return \"${VERSION}\"; }
}  // namespace rtt::cli
")


