// SPDX-License-Identifier: Apache-2.0
// The law of SourceState: where a state counts (every stamp older than the look before the reading), the same
// state again means the same snapshot, whatever was done in between; and so of KnownSnapshot, which is kept
// by it.
#include "registry/source_state.h"

#include <array>
#include <set>

#include "model/random_for_test.h"
#include "os/clock.h"
#include "os/dir.h"
#include "registry/known_snapshot.h"
#include "registry/place_test.h"

namespace rtt::registry {
namespace {

struct Seen {
  Digest digest;
  std::int64_t settled_ns = 0;
};
Seen look(const Place& place) {
  StateHash state;
  const Status added = add_source_state(place.workspace(), scan_places_written(place.workspace()), state);
  EXPECT_TRUE(added) << added.error().message;
  Seen seen{.digest = state.finish()};
  seen.settled_ns = state.settled_ns();
  return seen;
}
std::int64_t wall_ns() { return os::wall_now().us * 1000; }
// The file system's clock may be behind ours by a tick.
void let_settle(const Place& place) {
  constexpr std::int64_t kTickNs = 20'000'000;
  for (const Seen seen = look(place); seen.settled_ns + kTickNs >= wall_ns();) {
  }
}

std::string told(const Snapshot& snapshot) {
  std::string all;
  for (const SymbolEntry& entry : snapshot.symbols)
    all += model::identity(entry.contract.saddr) + to_string(entry.contract.hash) + entry.signed_by +
           to_string(entry.found_hash) + std::to_string(static_cast<int>(entry.standing)) + "\n";
  for (const ConfigEntry& entry : snapshot.configs)
    all += entry.path + entry.text + to_string(entry.hash) + entry.signed_by + "\n";
  for (const std::string& line : lines(snapshot)) all += line + "\n";
  for (const auto& server : snapshot.servers) all += server.name + server.file + "\n";
  return all + std::to_string(snapshot.files_seen) + (snapshot.all_signed ? " signed" : " not");
}
// Everything a snapshot says, and what lies beside the skills.
std::string told(const Place& place) {
  std::string all;
  const auto snapshot = load_snapshot(place.workspace());
  if (!snapshot) return "fails: " + snapshot.error().message;
  for (const auto& [path, content] : picture(place.scratch().at("skills"))) all += path + content + "\n";
  return all + told(*snapshot);
}

std::string agent(const std::string& name, char mark) {
  return "---\nname: " + name + "\ndescription: says\n---\n\nText " + std::string(8, mark) + ".\n";
}

// One random change of the folder; what it was is told where the law fails.
class Editor {
 public:
  Editor(const Place& place, model::TestRandom& random) : place_(place), random_(random) {
    for (const char* name : {"a", "b", "c", "d"}) write(path(name), agent(name, 'x'));
    write("skills/s/SKILL.md", "---\nname: s\ndescription: does\n---\n\nDo.\n");
    write("skills/s/lib/run.sh", "echo 1\n");
    write("rules/main.md", "Be brief.\n");
    write("views/claude.view.json", "{}\n");
    write(".mcp.json", R"({"mcpServers":{"one":{"command":"true"}}})");
  }

  std::string change() {
    const std::string name(1, random_.pick({"a", "b", "c", "d", "e"})[0]);
    const char mark = random_.pick({"x", "y", "z"})[0];
    switch (random_.below(14)) {
      case 0:
      case 1:
        return write(path(name), agent(name, mark));  // often the same size
      case 2:
        return overwrite(path(name), agent(name, mark));
      case 3:
        return as_old(path(name), agent(name, mark));
      case 4:
        std::filesystem::remove(at(path(name)));
        return "remove " + name;
      case 5:
        return swap(path(name), path("a"));
      case 6:
        return sign();
      case 7:
        std::filesystem::remove(at(path(name) + ".sig"));
        return "remove the signature of " + name;
      case 8:
        return write("skills/s/lib/run.sh", std::string("echo ") + mark + "\n");
      case 9:
        return write("rules/main.md", std::string("Be ") + mark + ".\n");
      case 10:
        return write(".mcp.json", std::string(R"({"mcpServers":{")") + mark + R"(":{"command":"true"}}})");
      case 11:
        return link(path(name));
      case 12:
        return damage_store();
      default:
        return write(name + "/other.txt", std::string(1, mark));
    }
  }

 private:
  static std::string path(const std::string& name) { return "agents/" + name + ".md"; }
  [[nodiscard]] std::string at(const std::string& file) const { return place_.scratch().at(file); }
  std::string write(const std::string& file, const std::string& text) {
    std::filesystem::remove(at(file));
    place_.scratch().write(file, text);
    return "write " + file;
  }
  std::string overwrite(const std::string& file, const std::string& text) {  // the inode stays
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(at(file))))
      return write(file, text);
    place_.scratch().write(file, text);
    return "overwrite " + file;
  }
  // Links may lead in a circle.
  [[nodiscard]] bool there(const std::string& file) const {
    return std::filesystem::exists(std::filesystem::symlink_status(at(file)));
  }
  // Size, inode and time of change of the content stay; only the file system's own time tells.
  std::string as_old(const std::string& file, const std::string& text) {
    std::error_code missing;
    const auto before = std::filesystem::last_write_time(at(file), missing);
    if (missing) return write(file, text);
    place_.scratch().write(file, text);
    std::filesystem::last_write_time(at(file), before);
    return "overwrite with its old time " + file;
  }
  std::string sign() {  // as far as a damaged store allows
    const auto items = items_to_sign(place_.workspace(), {});
    const auto key = load_own_key(place_.workspace().user_dir);
    return items && key && sign_items(place_.workspace(), *items, *key) ? "sign" : "sign, refused";
  }
  std::string swap(const std::string& a, const std::string& b) {
    if (a == b || !there(a) || !there(b)) return "nothing";
    std::filesystem::rename(at(a), at("swapped"));
    std::filesystem::rename(at(b), at(a));
    std::filesystem::rename(at("swapped"), at(b));
    return "swap " + a + " and " + b;
  }
  std::string link(const std::string& file) {
    std::filesystem::remove(at(file));
    std::filesystem::create_symlink("b.md", at(file));
    return "link " + file;
  }
  std::string damage_store() {
    std::vector<std::string> stored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(place_.workspace().cas()))
      if (entry.is_regular_file()) stored.push_back(entry.path());
    std::ranges::sort(stored);
    if (stored.empty()) return "nothing";
    std::filesystem::remove(stored[random_.below(stored.size())]);
    return "remove from the store";
  }

  const Place& place_;
  model::TestRandom& random_;
};

TEST(SourceState, the_same_state_is_the_same_snapshot_whatever_was_done) {
  model::TestRandom random(20'261'127);
  const Place place;
  Editor editor(place, random);
  place.init();
  std::map<Digest, std::string> known;
  std::string done;
  int kept = 0, recognised = 0;
  for (int step = 0; step < 400; ++step) {
    if (step % 4 != 3) done += editor.change() + "; ";
    // Every other time it is waited until the state counts; else it is looked at while it may not.
    std::int64_t began = wall_ns();
    Seen before = look(place);
    while (step % 8 == 7 && before.settled_ns >= began) {
      began = wall_ns();
      before = look(place);
    }
    const std::string now = told(place);
    const Seen after = look(place);
    if (const auto at = known.find(before.digest); at != known.end() && after.digest == before.digest) {
      ASSERT_EQ(now, at->second) << "after " << done;
      ++recognised;
    }
    if (before.digest == after.digest && after.settled_ns < began) {
      known.insert_or_assign(after.digest, now);
      ++kept;
    }
  }
  EXPECT_GT(kept, 20);
  EXPECT_GT(recognised, 5);
}

TEST(KnownSnapshot, it_says_what_loading_says_whatever_was_done_and_is_kept_while_nothing_was) {
  model::TestRandom random(20'261'128);
  const Place place;
  Editor editor(place, random);
  place.init();
  KnownSnapshot known(place.workspace());
  std::string done;
  int kept = 0;
  for (int step = 0; step < 300; ++step) {
    for (std::uint64_t changes = random.below(3); changes > 0; --changes) done += editor.change() + "; ";
    static_cast<void>(load_snapshot(place.workspace()));  // imports and repairs what it can
    const auto held = known.in_force(LoadOptions::Store::kImportSigned);
    const auto loaded = load_snapshot(place.workspace());
    ASSERT_EQ(held.has_value(), loaded.has_value()) << "after " << done;
    if (!held) continue;
    ASSERT_EQ(told(**held), told(*loaded)) << "after " << done;
    if (step % 10 != 9) continue;
    let_settle(place);
    const auto again = known.in_force(LoadOptions::Store::kImportSigned);
    const auto once_more = known.in_force(LoadOptions::Store::kReadOnly);
    ASSERT_TRUE(again && once_more);
    kept += *again == *once_more ? 1 : 0;
  }
  EXPECT_GT(kept, 20);
}

TEST(KnownSnapshot, what_was_only_read_is_imported_when_that_is_asked) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  place.drop_generated();
  KnownSnapshot known(place.workspace());
  let_settle(place);
  const auto read = known.in_force(LoadOptions::Store::kReadOnly);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, known.in_force(LoadOptions::Store::kReadOnly).value());
  const Digest hash = (*read)->symbols.front().contract.hash;
  EXPECT_FALSE(place.store().contains(hash));
  ASSERT_TRUE(known.in_force(LoadOptions::Store::kImportSigned));
  EXPECT_TRUE(place.store().contains(hash));
}

TEST(SourceState, a_stamp_counts_once_its_clock_must_have_moved_on) {
  const std::int64_t second = 1'000'000'000;
  const auto settled = [](std::vector<os::FileStamp> stamps) {
    StateHash state;
    for (const os::FileStamp& stamp : stamps) state.add("x", stamp);
    return state.settled_ns();
  };
  const os::FileStamp fine{.device = 1, .inode = 5, .ctime_ns = 7 * second + 1};
  os::FileStamp coarse = fine, elsewhere = fine, absent{};
  coarse.ctime_ns = 7 * second;
  elsewhere.device = 2;
  EXPECT_GT(settled({fine}), fine.ctime_ns + 10'000'000) << "a tick of 100 Hz";
  EXPECT_LT(settled({fine}), fine.ctime_ns + second / 10);
  EXPECT_GE(settled({coarse}), 9 * second);
  EXPECT_GE(settled({fine, elsewhere}), elsewhere.ctime_ns + 2 * second);
  EXPECT_EQ(settled({absent}), 0);
}

TEST(SourceState, every_part_of_a_stamp_and_of_a_name_counts) {
  const auto digest = [](std::string_view name, const os::FileStamp& stamp) {
    StateHash state;
    state.add(name, stamp);
    return state.finish();
  };
  const os::FileStamp stamp{.device = 1, .inode = 2, .size = 3, .mtime_ns = 4, .ctime_ns = 5};
  std::set<Digest> all{digest("x", stamp), digest("y", stamp), digest("", stamp)};
  for (int part = 0; part < 5; ++part) {
    os::FileStamp other = stamp;
    (part == 0 ? other.device : part == 1 ? other.inode : other.size) += part < 3 ? 10 : 0;
    (part == 3 ? other.mtime_ns : other.ctime_ns) += part < 3 ? 0 : 10;
    all.insert(digest("x", other));
  }
  EXPECT_EQ(all.size(), 8U);
  StateHash one, two;
  one.add("ab");
  one.add("c");
  two.add("a");
  two.add("bc");
  EXPECT_NE(one.finish(), two.finish());
}

}  // namespace
}  // namespace rtt::registry
