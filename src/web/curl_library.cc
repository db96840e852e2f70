// SPDX-License-Identifier: Apache-2.0
#include "web/curl_library.h"

#include <string>

#include "os/shared_library.h"

// The functions below are macros in some builds of the header, which check argument types; here they are
// names.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

namespace rtt::web {
namespace {

template <typename Function>
bool find(const os::SharedLibrary& library, const char* name, Function& into) {
  into = reinterpret_cast<Function>(library.symbol(name));
  return into != nullptr;
}

}  // namespace

Result<CurlLibrary> CurlLibrary::load() {
  constexpr const char* kFile = "libcurl.so.4";
  auto loaded = os::SharedLibrary::load(kFile);
  if (!loaded) {
    return std::unexpected(
        std::move(loaded).error().in("servers over HTTP need libcurl").hinting("apt install libcurl4"));
  }
  const os::SharedLibrary library = *loaded;
  CurlLibrary curl;
  decltype(&::curl_global_init) global_init = nullptr;
  const bool complete = find(library, "curl_global_init", global_init) &&
                        find(library, "curl_multi_init", curl.multi_init) &&
                        find(library, "curl_multi_cleanup", curl.multi_cleanup) &&
                        find(library, "curl_multi_setopt", curl.multi_setopt) &&
                        find(library, "curl_multi_add_handle", curl.multi_add_handle) &&
                        find(library, "curl_multi_remove_handle", curl.multi_remove_handle) &&
                        find(library, "curl_multi_socket_action", curl.multi_socket_action) &&
                        find(library, "curl_multi_info_read", curl.multi_info_read) &&
                        find(library, "curl_easy_init", curl.easy_init) &&
                        find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
                        find(library, "curl_easy_setopt", curl.easy_setopt) &&
                        find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
                        find(library, "curl_easy_strerror", curl.easy_strerror) &&
                        find(library, "curl_slist_append", curl.slist_append) &&
                        find(library, "curl_slist_free_all", curl.slist_free_all);
  if (!complete || global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return fail(Code::kIo, "this libcurl lacks what RTT needs", kFile, "apt install libcurl4");
  return curl;
}

}  // namespace rtt::web
