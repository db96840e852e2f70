// SPDX-License-Identifier: Apache-2.0
#include "os/replace.h"

#include "os/entropy.h"
#include "os/file.h"
#include "os/link.h"
#include "os/permissions.h"

namespace rtt::os {

Result<bool> replace_file(const std::string& path, std::string_view content, const ReplaceHow& how) {
  const std::string folder = path.substr(0, path.rfind('/'));
  const bool elsewhere = !how.by_way_of.empty() && same_device(how.by_way_of, folder);
  const std::string made = (elsewhere ? how.by_way_of : folder) + "/.tmp-" + random_hex(8);
  Status done = write_atomic(made, content, {.mode = how.mode});
  if (done) done = set_permissions(made, users_mode(how.mode));
  if (done) done = swap_paths(made, path);
  const bool took = done && exists(made);
  if (took && how.may_go && !how.may_go(made)) {
    const Status back = swap_paths(made, path);
    (void)remove_file(made);
    if (!back) return std::unexpected(back.error());
    return false;
  }
  (void)remove_file(made);
  if (!done) return std::unexpected(std::move(done).error());
  RTT_TRY(sync_directory(folder));
  return true;
}

}  // namespace rtt::os
