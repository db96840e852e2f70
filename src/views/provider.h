// SPDX-License-Identifier: Apache-2.0
// Provider: where an AI client looks for each kind of item, and in which form it reads them.
//
// A row is a plain value and says all there is to know: encode() and decode() have no branch for any client,
// and one table serves both, so what is written is what is read. A client more is a row more; rows may also
// come from a file. docs/formats/provider-files.md lists them for people.
//
// Owns: nothing; the texts and tables a row names outlive it (the built-in ones are constants).
// Thread: any (values).   Fails: never.   Limits: the table's.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "mcp/configs/native_entry.h"
#include "model/limits.h"
#include "views/item.h"

namespace rtt::views {

// How a member of an item is said under a client's key.
enum class Value : std::uint8_t {
  kText,       // the same text
  kModel,      // a text among the provider's models; `inherit` is left out where it is not one of them
  kTools,      // a list: references to tools as the client's words for MCP tools
  kToolsLine,  // the same in one text, separated by ", "
  kToolsMap,   // {"*": false, WORD: true, …}
  kSkills,     // a list: references to skills as their names
  kWords,      // a list of texts
  kWordsLine,  // the same in one text, separated by ","
  kRawLine,    // the same, and never in quotes
  kAsIs,       // whatever it is
};
struct Field {
  std::string_view member, key;
  Value value = Value::kText;
};
// A key that says how the rest is meant: true, false or a word.
struct Fixed {
  std::string_view key;
  std::string_view value;               // empty = not written
  std::string_view with_globs = value;  // the same, of an item with `globs`
  std::string_view absent{};            // what a file without it means; empty = not known
};
enum class Syntax : std::uint8_t {
  kNone,   // the client has no such items
  kPlain,  // the text and nothing else
  kFront,  // YAML between two lines `---`, then the text
  kToml,
  kJson,
};
// How a command's text names what was typed after it; in an item it is $ARGUMENTS.
enum class Arguments : std::uint8_t {
  kNone,    // not at all
  kDollar,  // $ARGUMENTS
  kBraces,  // {{args}}; !{…} and @{…} are run and read
  kInput,   // ${input:arguments}
};

// What an item may be called for a client to take it; one that is called otherwise it skips.
struct Names {
  std::string_view bytes{};  // those a name is made of; empty = as is_file_name
  std::string_view not_first{}, not_last{};
  std::size_t bytes_min = 1, bytes_max = limits::kNameBytesMax;
  std::span<const std::string_view> reserved{};  // in lower case
  std::string_view rule{};                       // the same for people
  [[nodiscard]] bool allow(std::string_view name) const;
};

struct FileForm {
  Syntax syntax = Syntax::kNone;
  std::string_view path{};          // `*` stands for the item's name
  std::string_view also{};          // read there too
  std::span<const Field> fields{};  // in the order they are written
  std::span<const Fixed> fixed{};   // written first
  std::string_view text_key{};      // where the instructions are; empty = after the front matter
  std::string_view text_path{};     // a file of their own, whose name without its end is under text_key
  Names names{};
  std::string_view required{};  // a member without which the client skips the file
  Arguments arguments = Arguments::kDollar;
  std::string_view none{};  // kNone: why, as the end of a sentence
};
// An MCP tool in a client's lists: PREFIX server SEPARATOR tool.
struct ToolWords {
  std::string_view prefix{}, separator{};
};
struct ServersForm {
  std::string_view path{};  // empty = none in a project
  mcp::Dialect dialect{};
  // A member beside the section, and its value as JSON: what it is a file of. Not of TOML.
  std::string_view mark{}, mark_value{};
  std::string_view none{};
};
// A file the client needs to find below `folder`, whenever anything else is there.
struct Companion {
  std::string_view folder{}, path{}, bytes{};
};

// A client that takes a project's own files, or its servers, only in folders its user trusts.
struct Trust {
  std::string_view file{};   // in the user's home; empty = it asks for none
  std::string_view entry{};  // what there says so, in one line; `*` is the folder in quotes
};

struct Provider {
  std::string_view name;                         // the clients' of client_form.h where they have one
  std::string_view product;                      // as people call it
  std::span<const std::string_view> programs{};  // its commands, where they are not called as it is
  FileForm agent{};
  std::string_view skills{};  // the folder of skills' folders; empty = none
  FileForm rules{};           // all but the project's own
  std::string_view main_rules{};
  std::string_view rules_key{};  // of the servers' file, where the others' paths are listed; empty = found
  FileForm command{};
  ServersForm servers{};
  ToolWords tools{};
  std::span<const std::string_view> models{};  // wildcards; empty = none
  Companion companion{};
  Trust trust{};
};

std::span<const Provider> providers();  // sorted by name
const Provider* find_provider(std::string_view name);

// A skill's file, the same for every client.
const FileForm& skill_form();
// `path` with `name` for its `*`. REQUIRES: one `*`.
std::string path_for(std::string_view path, std::string_view name);
// What a name may be that becomes a file's: [A-Za-z0-9_][A-Za-z0-9._-]*, kNameBytesMax.
[[nodiscard]] bool is_file_name(std::string_view name);

}  // namespace rtt::views
