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
#include "os/pipe.h"
#include "processes.h"
#include "report.h"
#include "view_files.h"
#include "views/mount_client.h"
#include "views/mount_home.h"
#include "views/pack_write.h"
#include "views/project.h"

namespace rtt::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "GENERATION";

struct Shape {
  int folders, files;  // in each
  [[nodiscard]] int count() const { return folders * files; }
};

// Files of 0.5 to 1.7 kB, and one at the top by whose bytes a generation is told from the next.
views::Tree tree_of(Shape shape, char mark, std::string_view folder_of_all = {}) {
  model::TestRandom random(1);
  const std::string start = folder_of_all.empty() ? std::string() : std::string(folder_of_all) + "/";
  std::vector<views::TreeFile> files{{.path = start + std::string(kMark), .bytes = std::string(16, mark)}};
  for (int folder = 0; folder < shape.folders; ++folder) {
    for (int file = 0; file < shape.files; ++file) {
      files.push_back(
          {.path = fmt::format("{}d{:03}/agent-{:04}.md", start, folder, file),
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
  explicit Mount(const Settings& settings) : rtt_(settings.rtt) {
    const auto place = views::user_mount_place();
    if (!place) give_up(place.error().message);
    store_ = place->store;
    mountpoint_ = place->mountpoint;
    fs::create_directories(store_);
    fs::permissions(store_, fs::perms::owner_all);
  }
  // Whether it could: if not, the keeper has said why.
  bool start() {
    auto pipe = os::make_pipe();
    if (!pipe) give_up(pipe.error().message);
    auto child = os::spawn({.argv = {rtt_, "driver-host", "--views", store_, mountpoint_, "--ready-fd", "3"},
                            .env = os::own_environment(),
                            .directory = {},
                            .in = os::Wire::kNull,
                            .out = os::Wire::kNull,
                            .err = os::Wire::kInherit,
                            .lifetime = os::Lifetime::kDetached,
                            .pass_fds = {{pipe->second.get(), 3}}});
    if (!child) give_up(child.error().message);
    keeper_ = std::move(*child);
    pipe->second.reset();
    char ready = 0;
    return ::read(pipe->first.get(), &ready, 1) == 1 && ready == '+';
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

// A project whose links lead through `now` into the mount, and two sets of trees that take turns there.
class Flipping {
 public:
  Flipping(std::string root, Shape shape, const Mount& mount)
      : root_(std::move(root)),
        store_(root_ + "/.rtt/registry/views"),
        entries_(shape.count() + shape.folders + 1) {
    fs::create_directories(store_.folder() + "/sets");
    views::MountHome home({.folder = store_.folder(), .workspace = root_, .start = [&](const auto&) {
                             give_up("the mount is not served at " + mount.folder(""));
                             return Status();
                           }});
    for (const char mark : {'a', 'b'}) {
      const views::Tree tree = tree_of(shape, mark, kFolder);
      const std::vector<views::NamedTree> named{{"claude", &tree}};
      auto held = home.hold(named);
      if (!held) give_up(held.error().message);
      sets_.push_back({{.provider = "claude", .root = tree.root(), .at = held->front()}});
      if (!stage(sets_.back()).flip()) give_up("a set cannot be put in force");
      auto project = views::Project::open(root_, store_);
      if (!project) give_up(project.error().message);
      if (const auto shown = project->refresh({{"claude", tree}}, views::Wish::kLinks); !shown)
        give_up(shown.error().message);
    }
    if (!fs::is_symlink(root_ + "/" + std::string(kFolder))) give_up("the project's folder is no link");
  }

  // From putting the other set in force to its bytes by the project's path. Before that all of the present
  // one is in the kernel's memory.
  std::int64_t flip() {
    (void)timed_walk(root_ + "/" + std::string(kFolder) + "/", entries_);
    const std::string mark = fmt::format("{}/{}/{}", root_, kFolder, kMark);
    std::array<char, 16> bytes{};
    const std::size_t next = flips_++ % 2;  // the second set is in force at the start
    auto staged = stage(sets_[next]);       // as an apply prepares it before it commits
    const std::int64_t begin = now_ns();
    if (const Status flipped = staged.flip(); !flipped) give_up(flipped.error().message);
    const int fd = ::open(mark.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : ::read(fd, bytes.data(), bytes.size());
    const std::int64_t end = now_ns();
    ::close(fd);
    if (got != 16 || bytes[0] != (next == 0 ? 'a' : 'b')) give_up("a flip showed another generation");
    return end - begin;
  }

 private:
  static constexpr std::string_view kFolder = ".claude/skills";
  [[nodiscard]] views::TreeStore::Staged stage(const views::TreeStore::Set& set) const {
    auto staged = store_.stage(set, {.mechanism = views::Mechanism::kFuse, .why = "measured"});
    if (!staged) give_up(staged.error().message);
    return *std::move(staged);
  }

  std::string root_;
  views::TreeStore store_;
  int entries_;
  std::vector<views::TreeStore::Set> sets_;
  std::size_t flips_ = 0;
};

void flip_rows(const Settings& settings, Report& report, const Mount& mount, const std::string& name,
               Shape shape, int flips) {
  Flipping flipping(settings.work_dir + "/flip-" + name, shape, mount);
  Samples samples;
  for (int flip = 0; flip < flips; ++flip) samples.add(flipping.flip());
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
    show(client, "large", 2);
  }
  report.add({"view.rss.100k", mount.anonymous_bytes() / 1e6, "MB", {}, {}});
  mount_row(settings, report, mount, shape.folders);
  flip_rows(settings, report, mount, "1k", {10, 100}, 1000 / settings.scale);
  flip_rows(settings, report, mount, "100k", shape, settings.scale == 1 ? 100 : 10);
}

}  // namespace rtt::bench
