// SPDX-License-Identifier: Apache-2.0
#include "views/fuse_view.h"

#define FUSE_USE_VERSION 314
#include <fmt/format.h>
#include <fuse_lowlevel.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <thread>
#include <tuple>

#include "os/file.h"
#include "os/process.h"
#include "views/block_cache.h"

namespace rtt::views {

struct FuseView::State {
  explicit State(MountNodes& what) : nodes(what), cache(kBlocksHeld) {}
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // The kernel asks for a file's bytes once, in the order of the files it walks, and those of neighbours in a
  // walk lie in one block; the second is for the other thread, the rest for what crosses a border.
  static constexpr std::size_t kBlocksHeld = 4;

  MountNodes& nodes;
  BlockCache cache;
  fuse_session* session = nullptr;
  std::function<void(const std::string&)> greeted;
  std::function<void()> ended;
  std::vector<std::thread> threads;
  std::array<std::atomic<char*>, 2> buffers{};  // what each thread receives into, once it did
  unsigned uid = 0, gid = 0;
};

FuseView::State::~State() {
  for (std::thread& thread : threads) thread.join();
  if (session != nullptr) fuse_session_destroy(session);
}

namespace {

using State = FuseView::State;

constexpr double kForever = 1e9;  // seconds
constexpr int kServeThreads =
    std::tuple_size_v<decltype(State::buffers)>;  // one more than can be kept busy by one reader
                                                  // (docs/design/012-views.md)
constexpr off_t kFolderBytes = 4096;              // as disk file systems say it
constexpr off_t kDots = 2;  // of a listing's offsets, before those of MountNodes: "." and ".."

State& state_of(fuse_req_t request) { return *static_cast<State*>(fuse_req_userdata(request)); }

struct stat attributes_of(const State& state, const MountNode& node) {
  struct stat attributes{};
  attributes.st_ino = node.id;
  attributes.st_uid = state.uid;
  attributes.st_gid = state.gid;
  attributes.st_nlink = 1;
  attributes.st_blksize = kFolderBytes;
  attributes.st_size = static_cast<off_t>(node.bytes);
  switch (node.kind) {
    case NodeKind::kFolder:
      attributes.st_mode = S_IFDIR | 0755U;
      attributes.st_size = kFolderBytes;
      // Programs that count the folders in a folder by its links take one as "not told".
      if (node.folders) attributes.st_nlink = 2 + *node.folders;
      break;
    case NodeKind::kFile:
      attributes.st_mode = S_IFREG | 0644U;
      break;
    case NodeKind::kProgram:
      attributes.st_mode = S_IFREG | 0755U;
      break;
    case NodeKind::kLink:
      attributes.st_mode = S_IFLNK | 0777U;
      break;
  }
  if (node.kind != NodeKind::kLink)
    attributes.st_blocks = (attributes.st_size + kFolderBytes - 1) / kFolderBytes * (kFolderBytes / 512);
  attributes.st_mtim.tv_sec = attributes.st_ctim.tv_sec = attributes.st_atim.tv_sec = node.time_s;
  return attributes;
}

fuse_entry_param entry_of(const State& state, const std::optional<MountNode>& node) {
  fuse_entry_param entry{};
  entry.attr_timeout = entry.entry_timeout = kForever;
  if (node) {
    entry.ino = node->id;
    entry.attr = attributes_of(state, *node);
  }
  return entry;  // of no node: a name that will never be there
}

void on_init(void* /*state*/, fuse_conn_info* connection) {
  connection->want &= ~unsigned{FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_SPLICE_READ |
                                FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_HANDLE_KILLPRIV |
                                FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_IOCTL_DIR};
  connection->want |=
      connection->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS |
                             FUSE_CAP_ASYNC_READ | FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT |
                             FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_EXPIRE_ONLY);
}

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const State& state = state_of(request);
  const auto found = state.nodes.lookup(parent, name);
  if (!found) {
    (void)fuse_reply_err(request, found.error());
    return;
  }
  const fuse_entry_param entry = entry_of(state, *found);
  (void)fuse_reply_entry(request, &entry);
}

void on_getattr(fuse_req_t request, fuse_ino_t id, fuse_file_info* /*file*/) {
  const State& state = state_of(request);
  const auto found = state.nodes.node(id);
  if (!found) {
    (void)fuse_reply_err(request, found.error());
    return;
  }
  const struct stat attributes = attributes_of(state, *found);
  (void)fuse_reply_attr(request, &attributes, kForever);
}

void on_readlink(fuse_req_t request, fuse_ino_t id) {
  const auto target = state_of(request).nodes.link(id);
  if (target)
    (void)fuse_reply_readlink(request, target->c_str());
  else
    (void)fuse_reply_err(request, target.error());
}

// Said once a mount; from then on the kernel opens by itself and keeps what it has read.
void on_open(fuse_req_t request, fuse_ino_t /*id*/, fuse_file_info* /*file*/) {
  (void)fuse_reply_err(request, ENOSYS);
}

class Listing {
 public:
  Listing(fuse_req_t request, std::size_t bytes_max) : request_(request), buffer_(bytes_max, '\0') {}

  bool add(const std::string& name, const fuse_entry_param& entry, off_t next) {
    const std::size_t room = buffer_.size() - used_;
    const std::size_t needed =
        fuse_add_direntry_plus(request_, buffer_.data() + used_, room, name.c_str(), &entry, next);
    if (needed > room) return false;
    used_ += needed;
    return true;
  }
  // A name that stands for no node of its own: the kernel knows what it is.
  bool add_dots(fuse_ino_t folder, off_t offset) {
    fuse_entry_param entry{};
    entry.attr.st_ino = folder;
    entry.attr.st_mode = S_IFDIR;
    return (offset > 0 || add(".", entry, 1)) && (offset > 1 || add("..", entry, kDots));
  }
  void reply() { (void)fuse_reply_buf(request_, buffer_.data(), used_); }

 private:
  fuse_req_t request_;
  std::string buffer_;
  std::size_t used_ = 0;
};

void on_readdirplus(fuse_req_t request, fuse_ino_t folder, std::size_t bytes_max, off_t offset,
                    fuse_file_info* /*file*/) {
  const State& state = state_of(request);
  Listing listing(request, bytes_max);
  if (!listing.add_dots(folder, offset)) {
    listing.reply();
    return;
  }
  const auto listed = state.nodes.list(folder, static_cast<std::uint64_t>(std::max<off_t>(offset - kDots, 0)),
                                       [&](std::string_view name, const MountNode& node, std::uint64_t next) {
                                         return listing.add(std::string(name), entry_of(state, node),
                                                            static_cast<off_t>(next) + kDots);
                                       });
  if (listed)
    listing.reply();
  else
    (void)fuse_reply_err(request, listed.error());
}

void on_read(fuse_req_t request, fuse_ino_t id, std::size_t bytes, off_t offset, fuse_file_info* /*file*/) {
  State& state = state_of(request);
  const auto range = state.nodes.range(id, static_cast<std::uint64_t>(offset), bytes);
  if (!range) {
    (void)fuse_reply_err(request, range.error());
    return;
  }
  const MountNodes::Generation& generation = *range->generation;
  const auto parts =
      read_stream(generation.pack, state.cache, generation.node_number, range->at, range->bytes);
  if (!parts) {
    state.nodes.damage(parts.error());
    (void)fuse_reply_err(request, EIO);
    return;
  }
  std::vector<iovec> vectors;
  vectors.reserve(parts->size());
  for (const StreamPart& part : *parts)
    vectors.push_back({.iov_base = const_cast<char*>(part.bytes.data()), .iov_len = part.bytes.size()});
  (void)fuse_reply_iov(request, vectors.data(), static_cast<int>(vectors.size()));
}

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops table{};
  table.init = on_init;
  table.lookup = on_lookup;
  table.getattr = on_getattr;
  table.readlink = on_readlink;
  table.open = on_open;
  table.opendir = on_open;
  table.read = on_read;
  table.readdirplus = on_readdirplus;
  return table;
}

// The session of a connection, or of one to be made with these options of mount(8).
fuse_session* new_session(const char* options, State* state) {
  std::array<std::string, 3> words{"rtt", "-o", options};
  std::array<char*, 4> argv{words[0].data(), words[1].data(), words[2].data(), nullptr};
  fuse_args args{.argc = 3, .argv = argv.data(), .allocated = 0};
  const fuse_lowlevel_ops table = operations();
  return fuse_session_new(&args, &table, sizeof table, state);
}

struct Request {
  fuse_buf buffer{};
  Request() = default;
  ~Request() { std::free(buffer.mem); }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  // False when the mount is gone.
  bool receive(fuse_session* session) {
    for (;;) {
      const int got = fuse_session_receive_buf(session, &buffer);
      if (got > 0) return true;
      if (got != -EINTR && got != -EAGAIN) return false;
    }
  }
};

void serve(State& state, std::atomic<char*>& buffer) {
  Request request;
  while (fuse_session_exited(state.session) == 0 && request.receive(state.session)) {
    buffer = static_cast<char*>(request.buffer.mem);
    fuse_session_process_buf(state.session, &request.buffer);
  }
  buffer = nullptr;
}

// A connection begins with one request that says what the kernel can; nothing else comes before its answer.
Status greet(State& state, std::string hello) {
  if (hello.empty()) {
    Request request;
    if (!request.receive(state.session))
      return fail(Code::kIo, "the mount was gone before it could be served");
    state.greeted(std::string(static_cast<const char*>(request.buffer.mem), request.buffer.size));
    fuse_session_process_buf(state.session, &request.buffer);
    return {};
  }
  fuse_buf again{};
  again.mem = hello.data();
  again.size = hello.size();
  fuse_session_process_buf(state.session, &again);  // its answer goes to a request that is answered: ignored
  return {};
}

}  // namespace

Result<os::Fd> mount_views(const std::string& path) {
  const std::string options =
      fmt::format("ro,nosuid,nodev,default_permissions,fsname={},subtype=rtt", kMountSource);
  fuse_session* session = new_session(options.c_str(), nullptr);
  if (session == nullptr) return fail(Code::kIo, "libfuse refuses its options", path);
  const int mounted = fuse_session_mount(session, path.c_str());
  const int number = errno;
  Result<os::Fd> connection = os::Fd();
  if (mounted == 0) {
    os::Fd theirs(fuse_session_fd(session));
    connection = theirs.duplicate();
    (void)theirs.release();
  } else {
    const bool there = os::exists("/dev/fuse");
    connection =
        std::unexpected(Error{.code = there ? Code::kPermission : Code::kNotFound,
                              .message = there ? os::error_of(number, "cannot mount views at " + path).message
                                               : "this machine has no /dev/fuse",
                              .where = path,
                              .hint = there ? "ls -l /dev/fuse; apt install fuse3" : "modprobe fuse"});
  }
  fuse_session_destroy(session);
  return connection;
}

FuseView::FuseView() = default;
FuseView::~FuseView() = default;

Result<std::unique_ptr<FuseView>> FuseView::start(MountNodes& nodes, Options options) {
  std::unique_ptr<FuseView> view(new FuseView);
  view->state_ = std::make_unique<State>(nodes);
  State& state = *view->state_;
  state.uid = os::own_uid();
  state.gid = os::own_gid();
  state.greeted = std::move(options.greeted);
  state.ended = std::move(options.ended);
  state.session = new_session(fmt::format("fsname={}", kMountSource).c_str(), &state);
  if (state.session == nullptr) return fail(Code::kIo, "libfuse refuses its options");
  const std::string place = fmt::format("/dev/fd/{}", options.connection.get());
  if (fuse_session_mount(state.session, place.c_str()) != 0)
    return fail(Code::kIo, "libfuse does not take the connection");
  (void)options.connection.release();  // closed with the session
  RTT_TRY(greet(state, std::move(options.hello)));
  for (int i = 0; i < kServeThreads; ++i) {
    state.threads.emplace_back([&state, i, last = i == kServeThreads - 1] {
      serve(state, state.buffers[static_cast<std::size_t>(i)]);
      if (last && state.ended) state.ended();
    });
  }
  return view;
}

void FuseView::tell(std::span<const Stale> stale) {
  fuse_session* session = state_->session;
  for (const Stale& one : stale) {
    // What the kernel does not hold it cannot forget (ENOENT): that is no error.
    switch (one.what) {
      case Stale::What::kListing:
        (void)fuse_lowlevel_notify_inval_inode(session, one.folder, 0, 0);
        break;
      case Stale::What::kName:
        (void)fuse_lowlevel_notify_inval_entry(session, one.folder, one.name.c_str(), one.name.size());
        break;
      case Stale::What::kTree:
        // Forgetting a folder takes time with all that is held below it: 0.7 s for 100,000 names. Expired, it
        // is asked for again; a kernel before 6.2 cannot, and keeps showing it until it needs the memory.
        (void)fuse_lowlevel_notify_expire_entry(session, one.folder, one.name.c_str(), one.name.size(),
                                                FUSE_LL_EXPIRE_ONLY);
        break;
    }
  }
}

void FuseView::own_again() {
  for (const std::atomic<char*>& buffer : state_->buffers) {
    char* const first = buffer.load();
    if (first != nullptr) std::atomic_ref<char>(*first).fetch_or(0);  // a write that changes nothing
  }
}

void FuseView::forget(std::uint32_t node_number) { state_->cache.forget(node_number); }

}  // namespace rtt::views
