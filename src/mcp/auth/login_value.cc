// SPDX-License-Identifier: Apache-2.0
#include "mcp/auth/login_value.h"

namespace rtt::mcp {

std::string resource_of(const web::Url& url) {
  std::string out = web::origin_of(url);
  if (url.path != "/") out += url.path;
  return out;
}

}  // namespace rtt::mcp
