// SPDX-License-Identifier: Apache-2.0
// CurlLibrary: libcurl, loaded when the first HTTP server is spoken to and not before.
//
// Linked, it brings 26 libraries into every `rtt`: measured 2.7 ms of CPU a start without, 7.0 ms with them.
// Most starts, and every gateway whose servers are all children, never need it
// (docs/design/007-http-servers.md).
//
// Owns: nothing; the library stays loaded.   Thread: one.   Fails: kIo, naming the package to install.
#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace rtt::web {

struct CurlLibrary {
  static Result<CurlLibrary> load();

  decltype(&::curl_multi_init) multi_init = nullptr;
  decltype(&::curl_multi_cleanup) multi_cleanup = nullptr;
  decltype(&::curl_multi_setopt) multi_setopt = nullptr;
  decltype(&::curl_multi_add_handle) multi_add_handle = nullptr;
  decltype(&::curl_multi_remove_handle) multi_remove_handle = nullptr;
  decltype(&::curl_multi_socket_action) multi_socket_action = nullptr;
  decltype(&::curl_multi_info_read) multi_info_read = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

}  // namespace rtt::web
