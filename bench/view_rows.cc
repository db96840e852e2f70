// SPDX-License-Identifier: Apache-2.0
// Rows of views: what reading, walking, mounting and flipping a FUSE mount of views costs, beside the same
// files on this machine's disk file system, in blocks that alternate.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "client.h"
#include "model/random_for_test.h"
#include "os/mount.h"
#include "processes.h"
#include "report.h"
#include "view_files.h"
#include "views/mount_client.h"
#include "views/pack_write.h"

namespace rtt::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "GENERATION";

struct Shape {
  int folders, files;  // in each
  [[nodiscard]] int count() const { return folders * files; }
};

// Files of 0.5 to 1.7 kB, and one at the top by whose bytes a generation is told from the next.
views::Tree tree_of(Shape shape, char mark) {
  model::TestRandom random(1);
  std::vector<views::TreeFile> files{{.path = std::string(kMark), .bytes = std::string(16, mark)}};
  for (int folder = 0; folder < shape.folders; ++folder) {
    for (int file = 0; file < shape.files; ++file) {
      files.push_back(
          {.path = fmt::format("d{:03}/agent-{:04}.md", folder, file),
           .bytes = random.from_bytes("abcdefghijklmno pqrst\nuvwxyz", 512 + random.below(1200))});
    }
  }
  auto tree = views::Tree::of(std::move(files));
  if (!tree) give_up(tree.error().message);
  return *std::move(tree);
}

// A mount in the bench's folder whose server is the measured rtt.
class Mount {
 public:
  explicit Mount(const Settings& settings) : Mount(settings, settings.work_dir + "/views") {}
  Mount(const Settings& settings, std::string store)
      : rtt_(settings.rtt), store_(std::move(store)), mountpoint_(store_ + "-mnt") {
    fs::create_directories(store_);
    fs::permissions(store_, fs::perms::owner_all);
  }
  // Whether it could: if not, the keeper has said why.
  bool start() {
    auto child = os::spawn({.argv = {rtt_, "driver-host", "--views", store_, mountpoint_},
                            .env = os::own_environment(),
                            .directory = {},
                            .in = os::Wire::kNull,
                            .out = os::Wire::kPipe,
                            .err = os::Wire::kInherit,
                            .lifetime = os::Lifetime::kDetached,
                            .pass_fds = {}});
    if (!child) give_up(child.error().message);
    keeper_ = std::move(*child);
    std::array<char, 6> ready{};
    return ::read(keeper_.out.get(), ready.data(), ready.size()) == 6;
  }
  void stop() {
    if (!keeper_.running()) return;
    os::signal_process(keeper_.pid(), SIGTERM);
    (void)keeper_.wait();
  }
  ~Mount() { stop(); }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  views::MountClient client() const {
    auto client = views::MountClient::connect(store_);
    if (!client) give_up(client.error().message);
    return *std::move(client);
  }
  std::string pack_path(const std::string& workspace, views::GenerationNumber generation) const {
    fs::create_directories(store_ + "/" + workspace);
    return views::PackStore(store_).pack_path(workspace, generation);
  }
  void pack(const std::string& workspace, views::GenerationNumber generation, const views::Tree& tree) const {
    const std::vector<views::NamedTree> trees{{"claude", &tree}};
    const Status written =
        views::write_pack(pack_path(workspace, generation), trees, {.time_s = 1'790'000'000});
    if (!written) give_up(written.error().message);
  }
  std::string folder(const std::string& workspace) const { return mountpoint_ + "/" + workspace + "/claude"; }
  double anonymous_bytes() const {
    double bytes = 0;
    for (const int pid : processes_with({"driver-host", store_})) {
      std::ifstream status(fmt::format("/proc/{}/status", pid));
      for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssAnon:")) bytes += std::stod(line.substr(8)) * 1024;
      }
    }
    return bytes;
  }

 private:
  std::string rtt_, store_, mountpoint_;
  os::Child keeper_;
};

// Every entry listed and looked at.
int walk(int folder) {
  DIR* stream = ::fdopendir(folder);
  if (stream == nullptr) give_up("cannot list a folder");
  int seen = 0;
  while (const dirent* entry = ::readdir(stream)) {
    if (entry->d_name[0] == '.') continue;
    struct stat info{};
    if (::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) give_up("cannot look at an entry");
    ++seen;
    if (S_ISDIR(info.st_mode))
      seen += walk(::openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ::closedir(stream);
  return seen;
}

std::int64_t timed_walk(const std::string& root, int expected) {
  const std::int64_t begin = now_ns();
  const int seen = walk(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::int64_t end = now_ns();
  if (seen != expected) give_up(fmt::format("{} has {} entries, not {}", root, seen, expected));
  return end - begin;
}

void show(views::MountClient& client, const std::string& workspace, views::GenerationNumber generation) {
  const Status shown = client.show(workspace, generation);
  if (!shown) give_up(shown.error().message);
}

void read_rows(const Settings& settings, Report& report, const Mount& mount, const std::string& real) {
  const views::Tree tree = tree_of({10, 100}, 'a');
  mount.pack("small", 1, tree);
  auto client = mount.client();
  show(client, "small", 1);
  // As deep as in the mount.
  const std::string beside = real + "/mnt/small/claude/gen-1";
  write_files(tree, beside);
  const auto fuse = paths_below(tree, mount.folder("small") + "/gen-1");
  const auto linked = paths_below(tree, mount.folder("small") + "/cur");
  const auto disk = paths_below(tree, beside);
  for (const auto* paths : {&fuse, &linked, &disk}) read_all(*paths, nullptr);
  Samples on_fuse, on_link, on_disk;
  for (int round = 0; round < 100 / settings.scale; ++round) {
    read_all(disk, &on_disk);
    read_all(fuse, &on_fuse);
    read_all(disk, &on_disk);
    read_all(linked, &on_link);
  }
  report.add_with_reference({"view.fuse.read.p50", on_fuse.percentile(50) / 1e3, "us", {}, {}},
                            {"ext4.read.p50", on_disk.percentile(50) / 1e3, "us", {}, {}});
  report.add_with_reference({"view.fuse.read.p99", on_fuse.percentile(99) / 1e3, "us", {}, {}},
                            {"ext4.read.p99", on_disk.percentile(99) / 1e3, "us", {}, {}});
  report.add_with_reference({"view.fuse.read.cur.p50", on_link.percentile(50) / 1e3, "us", {}, {}},
                            {"ext4.read.p50", on_disk.percentile(50) / 1e3, "us", {}, {}});
}

void walk_row(const Settings& settings, Report& report, const Mount& mount, const std::string& real,
              const views::Tree& tree, int entries) {
  const std::string beside = real + "/mnt/large/claude/gen-1";
  write_files(tree, beside);
  const std::string shown = mount.folder("large") + "/gen-1";
  Samples on_fuse, on_disk;
  for (const std::string& root : {shown, beside}) (void)timed_walk(root, entries);
  for (int round = 0; round < (settings.scale == 1 ? 7 : 3); ++round) {
    on_disk.add(timed_walk(beside, entries));
    on_fuse.add(timed_walk(shown, entries));
  }
  report.add_with_reference({"view.walk.100k", on_fuse.median() / 1e6, "ms", {}, {}},
                            {"ext4.walk.100k", on_disk.median() / 1e6, "ms", {}, {}});
}

// From asking for another generation until its bytes are read by the path that the old ones had. Each is new
// to the kernel, and before each all of the old one is in its memory.
void flip_rows(Report& report, const Mount& mount, const std::string& workspace, const std::string& name,
               int flips, int entries) {
  auto client = mount.client();
  const std::string mark = mount.folder(workspace) + "/cur/" + std::string(kMark);
  Samples samples;
  std::array<char, 16> bytes{};
  for (views::GenerationNumber next = 3; next < 3 + static_cast<views::GenerationNumber>(flips); ++next) {
    (void)timed_walk(mount.folder(workspace) + "/cur/", entries);
    // The two packs take turns under new numbers.
    fs::create_hard_link(mount.pack_path(workspace, next - 2), mount.pack_path(workspace, next));
    const std::int64_t begin = now_ns();
    show(client, workspace, next);
    const int fd = ::open(mark.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : ::read(fd, bytes.data(), bytes.size());
    const std::int64_t end = now_ns();
    ::close(fd);
    if (got != 16 || bytes[0] != (next % 2 == 1 ? 'a' : 'b')) give_up("a flip showed another generation");
    samples.add(end - begin);
  }
  report.add({"view.flip." + name + ".p50", samples.percentile(50) / 1e3, "us", {}, {}});
  report.add({"view.flip." + name + ".p99", samples.percentile(99) / 1e3, "us", {}, {}});
}

void mount_row(const Settings& settings, Report& report, Mount& mount, int folders) {
  Samples samples;
  for (int round = 0; round < (settings.scale == 1 ? 11 : 3); ++round) {
    mount.stop();
    const std::int64_t begin = now_ns();
    if (!mount.start()) give_up("a second mount cannot be made");
    int seen = 0;
    for (const auto& entry : fs::directory_iterator(mount.folder("large") + "/cur"))
      seen += !entry.path().empty();
    samples.add(now_ns() - begin);
    if (seen != folders + 1) give_up("the first listing is another");
  }
  report.add({"view.mount.100k", samples.median() / 1e6, "ms", {}, {}});
}

}  // namespace

void view_rows(const Settings& settings, Report& report) {
  Mount mount(settings);
  if (!mount.start()) {
    fmt::print("view rows are left out: no mount can be made here\n");
    return;
  }
  const Shape shape{100, 1000 / settings.scale};
  const int entries = shape.count() + shape.folders + 1;
  const std::string real = settings.work_dir + "/real";
  read_rows(settings, report, mount, real);
  {
    const views::Tree tree = tree_of(shape, 'a');
    mount.pack("large", 1, tree);
    auto client = mount.client();
    show(client, "large", 1);
    walk_row(settings, report, mount, real, tree, entries);
    mount.pack("large", 2, tree_of(shape, 'b'));
    mount.pack("small", 2, tree_of({10, 100}, 'b'));
    show(client, "large", 2);
    show(client, "small", 2);
  }
  report.add({"view.rss.100k", mount.anonymous_bytes() / 1e6, "MB", {}, {}});
  mount_row(settings, report, mount, shape.folders);
  flip_rows(report, mount, "small", "1k", 1000 / settings.scale, 1011);
  flip_rows(report, mount, "large", "100k", settings.scale == 1 ? 40 : 10, entries);
}

}  // namespace rtt::bench
