// SPDX-License-Identifier: Apache-2.0
#include "panel/mount_watch.h"

#include <string>
#include <utility>

#include "os/unix_socket.h"
#include "views/mount_place.h"
#include "views/mount_server.h"

namespace rtt::panel {

void MountWatch::look() {
  left_ = kAgainMax;
  if (!connection_.valid()) connect();
}

void MountWatch::connect() {
  const auto place = views::user_mount_place();
  if (!place || left_-- == 0) return;
  auto connection = os::connect_unix(place->store, std::string(views::kMountSocket));
  if (!connection) return;
  connection_ = *std::move(connection);
  if (!loop_.watch(connection_.get(), os::kReadable, [this](std::uint32_t) { ended(); })) connection_.reset();
}

void MountWatch::leave() {
  if (!connection_.valid()) return;
  loop_.unwatch(connection_.get());
  connection_.reset();
}

// Nothing was asked on it, so nothing is answered.
void MountWatch::ended() {
  leave();
  const bool tired = left_ == 0;
  connect();
  if (!connection_.valid() && !tired) lost_();
}

}  // namespace rtt::panel
