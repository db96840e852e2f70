// SPDX-License-Identifier: Apache-2.0
#include "os/image_mount.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <cerrno>

#include "os/fd.h"

namespace rtt::os {
namespace {

struct Loop {
  Fd device;  // while it is open or mounted, the device stays
  std::string path;
};
Result<Loop> loop_of(const std::string& image) {
  const Fd file(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::unexpected(last_error("cannot open " + image).at(image));
  const Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.valid())
    return std::unexpected(last_error("cannot ask for a loop device").at("/dev/loop-control"));
  for (int tries = 0; tries < kLoopTriesMax; ++tries) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return std::unexpected(last_error("cannot get a loop device"));
    Loop loop{.device = Fd(), .path = "/dev/loop" + std::to_string(number)};
    loop.device = Fd(::open(loop.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!loop.device.valid()) return std::unexpected(last_error("cannot open " + loop.path).at(loop.path));
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file.get());
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    if (::ioctl(loop.device.get(), LOOP_CONFIGURE, &config) == 0) return loop;
    if (errno != EBUSY) return std::unexpected(last_error("cannot set up " + loop.path).at(image));
  }
  return fail(Code::kBusy, "no loop device stays free", image, "losetup -a");
}

// errno, or 0.
int mount_from(const std::string& type, const std::string& source, const std::string& place) {
  constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV;
  return ::mount(source.c_str(), place.c_str(), type.c_str(), kFlags, nullptr) == 0 ? 0 : errno;
}

}  // namespace

Status mount_image(const std::string& type, const std::string& image, const std::string& place,
                   Through through) {
  const auto failed = [&](int number) -> Status {
    if (number == 0) return {};
    if (number == ENODEV)
      return fail(Code::kNotFound, "this kernel knows no file system " + type, image, "modprobe " + type);
    return std::unexpected(error_of(number, "cannot mount " + image + " at " + place).at(image));
  };
  if (through == Through::kFile) {
    const int number = mount_from(type, image, place);
    // ENOTBLK: file systems of this kind are on devices only; EINVAL: or this file cannot be one.
    if (number != ENOTBLK && number != EINVAL) return failed(number);
  }
  RTT_TRY_SET(const Loop loop, loop_of(image));
  return failed(mount_from(type, loop.path, place));
}

}  // namespace rtt::os
