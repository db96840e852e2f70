// SPDX-License-Identifier: Apache-2.0
#include "os/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "os/file.h"

namespace rtt::os {
namespace {

// landlock(7); Debian 12's headers end before the newer rights, the kernel tells what it knows.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1U << 0;
constexpr int kPathBeneath = 1;
constexpr int kVersionMin = 3, kVersionScopes = 6;
constexpr std::uint64_t kExecute = 1U << 0, kWriteFile = 1U << 1, kReadFile = 1U << 2, kReadDir = 1U << 3,
                        kTruncate = 1U << 14, kAll = (1U << 15) - 1;  // all of version 3
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate;
constexpr std::uint64_t kReading = kExecute | kReadFile | kReadDir;
constexpr std::uint64_t kScopeAbstractSockets = 1U << 0, kScopeSignals = 1U << 1;
struct RulesetAttributes {
  std::uint64_t files = 0, network = 0, scoped = 0;
};
struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed = 0;
  std::int32_t parent = -1;
};
static_assert(sizeof(PathBeneath) == 12);

constexpr std::array<const char*, 13> kSystem{"/usr",
                                              "/bin",
                                              "/sbin",
                                              "/lib",
                                              "/lib32",
                                              "/lib64",
                                              "/libx32",
                                              "/etc",
                                              "/opt",
                                              "/nix",
                                              "/proc",
                                              "/sys",
                                              "/run/systemd/resolve"};
constexpr std::array<const char*, 6> kDevices{"/dev/null",   "/dev/zero",    "/dev/full",
                                              "/dev/random", "/dev/urandom", "/dev/tty"};

enum class Absent : std::uint8_t { kSkip, kFail };
Status allow(const Fd& ruleset, const std::string& path, std::uint64_t rights, Absent absent) {
  const Fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd.valid()) {
    if (absent == Absent::kSkip) return {};
    return std::unexpected(last_error("what its sandbox lists cannot be opened, " + path).at(path));
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return std::unexpected(last_error("cannot look at " + path));
  PathBeneath rule{.allowed = S_ISDIR(info.st_mode) ? rights : rights & kOfFiles, .parent = fd.get()};
  if (::syscall(kAddRule, ruleset.get(), kPathBeneath, &rule, 0) != 0)
    return std::unexpected(last_error("cannot list " + path + " in a sandbox"));
  return {};
}

// PREFIX/lib of PREFIX/bin/PROGRAM: where interpreters outside of /usr keep their own library.
std::string library_beside(const std::string& program) {
  const std::size_t name = program.rfind('/');
  if (name == std::string::npos || name == 0) return {};
  const std::string folder = program.substr(0, name);
  if (!folder.ends_with("/bin")) return {};
  const std::string prefix = folder.substr(0, folder.size() - 4);
  return prefix.empty() || prefix == home_directory() ? std::string() : prefix + "/lib";
}

Result<Fd> files_of(const Sandbox& sandbox, const std::string& program) {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  if (version < kVersionMin) {
    return fail(Code::kDriverStart,
                version < 0 ? "this kernel has no Landlock, which would hold the files of the sandbox"
                            : fmt::format("this kernel's Landlock is version {}; {} is needed to hold files",
                                          version, kVersionMin),
                {}, "cat /sys/kernel/security/lsm; or take the folders out: rtt mcp sandbox NAME --off");
  }
  RulesetAttributes attributes{.files = kAll};
  if (version >= kVersionScopes) attributes.scoped = kScopeAbstractSockets | kScopeSignals;
  const std::size_t size = version >= kVersionScopes ? sizeof attributes : sizeof attributes.files;
  Fd ruleset(static_cast<int>(::syscall(kCreateRuleset, &attributes, size, 0)));
  if (!ruleset.valid()) return std::unexpected(last_error("cannot make a Landlock ruleset"));
  for (const char* path : kSystem) RTT_TRY(allow(ruleset, path, kReading, Absent::kSkip));
  for (const char* path : kDevices) RTT_TRY(allow(ruleset, path, kReading | kWriteFile, Absent::kSkip));
  if (const auto real = real_path(program)) {
    RTT_TRY(allow(ruleset, *real, kReading, Absent::kSkip));
    if (const std::string library = library_beside(*real); !library.empty())
      RTT_TRY(allow(ruleset, library, kReading, Absent::kSkip));
  }
  for (const std::string& path : sandbox.read) RTT_TRY(allow(ruleset, path, kReading, Absent::kFail));
  for (const std::string& path : sandbox.write) RTT_TRY(allow(ruleset, path, kAll, Absent::kFail));
  return ruleset;
}

Result<std::vector<sock_filter>> no_network() {
  const auto refused = [] { return fail(Code::kDriverStart, "libseccomp cannot make the network filter"); };
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> context(::seccomp_init(SCMP_ACT_ALLOW),
                                                                 ::seccomp_release);
  if (!context) return refused();
  bool made = ::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)) == 0;
  for (const int call : {SCMP_SYS(socket), SCMP_SYS(io_uring_setup)})
    made = made && ::seccomp_rule_add(context.get(), SCMP_ACT_ERRNO(EPERM), call, 0) == 0;
  const Fd file(::memfd_create("rtt-filter", MFD_CLOEXEC));
  if (!made || !file.valid() || ::seccomp_export_bpf(context.get(), file.get()) != 0) return refused();
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return refused();
  std::vector<sock_filter> filter(static_cast<std::size_t>(info.st_size) / sizeof(sock_filter));
  if (::pread(file.get(), filter.data(), filter.size() * sizeof(sock_filter), 0) != info.st_size)
    return refused();
  return filter;
}

}  // namespace

Result<SandboxRules> SandboxRules::prepare(const Sandbox& sandbox, const std::string& program) {
  SandboxRules rules;
  if (sandbox.read.size() > kSandboxFoldersMax || sandbox.write.size() > kSandboxFoldersMax)
    return fail(Code::kLimit, fmt::format("a sandbox lists at most {} folders", kSandboxFoldersMax));
  if (sandbox.holds_files()) {
    RTT_TRY_SET(rules.ruleset_, files_of(sandbox, program));
  }
  if (sandbox.network == Sandbox::Network::kNone) {
    RTT_TRY_SET(rules.filter_, no_network());
  }
  return rules;
}

// Root's capabilities reach around files that are not listed (the memory of other processes, for one): a held
// child of root is an ordinary program of that user.
bool SandboxRules::drop_capabilities() {
  for (unsigned long capability = 0; capability < 64; ++capability)
    (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);  // beyond the last one: EINVAL
  constexpr unsigned long kNoRoot = 1U << 0 | 1U << 1;    // SECBIT_NOROOT, and for good
  return ::prctl(PR_SET_SECUREBITS, kNoRoot, 0, 0, 0) == 0 || ::geteuid() != 0;
}

bool SandboxRules::enter() const {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  if (ruleset_.valid() && !drop_capabilities()) return false;
  if (ruleset_.valid() && ::syscall(kRestrictSelf, ruleset_.get(), 0) != 0) return false;
  if (filter_.empty()) return true;
  const sock_fprog program{.len = static_cast<unsigned short>(filter_.size()),
                           .filter = const_cast<sock_filter*>(filter_.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

}  // namespace rtt::os
