// SPDX-License-Identifier: Apache-2.0
// Edits of one server in a client's configuration text: RTT's own entry in its place, out of it, and the
// entry of before back.
//
// Of an entry that is there only what starts the server is replaced (command, arguments, environment, folder,
// address, headers); what else the client keeps in it (timeouts, allowed tools, `enabled`) stays, and so do
// comments around it. Every edit is checked by reading the new text: it must hold what was meant and the same
// of all else.
//
// Thread: any (pure).   Fails: as jsonc.h and toml.h; kBadShape for a text written in a way there is no safe
// edit of; nothing is half done.   Limits: kClientConfigBytesMax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mcp/configs/client_config.h"

namespace rtt::mcp {

struct EntryText {
  std::string name;
  text::Json native;
  std::string raw;  // as written: what `with_raw` takes
};
// How a server is started, for an entry: program first. `env` only for an entry that starts a server itself.
struct Started {
  std::string name;
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> env{};
  std::string directory{};
};

class ClientText {
 public:
  // An empty text is an empty file of that form.
  static Result<ClientText> read(std::string text, Section section, std::string file);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const Section& section() const { return section_; }
  [[nodiscard]] std::vector<EntryText> entries() const { return entries_; }
  [[nodiscard]] const EntryText* find(std::string_view name) const;

  // The entry `started.name` starts that, made where absent.
  [[nodiscard]] Result<ClientText> with(const Started& started) const;
  // The entry as `raw` has it, in the place of the present one or at the end.
  [[nodiscard]] Result<ClientText> with_raw(std::string_view name, std::string_view raw) const;
  [[nodiscard]] Result<ClientText> without(std::string_view name) const;
  // String values that are not in `shown` replaced by `"…"`, comments' quoted values too: for people to read.
  [[nodiscard]] std::string masked(const std::vector<std::string>& shown) const;

 private:
  [[nodiscard]] Result<ClientText> again(std::string text) const;
  std::string text_, file_;
  Section section_;
  std::vector<EntryText> entries_;
};

// Fields of an entry that start the server, in the order a new entry has them: (key, JSON value).
std::vector<std::pair<std::string, text::Json>> started_fields(ClientForm form, const Started& started);
// Fields that say how a server is reached and leave with it.
[[nodiscard]] bool is_launch_field(ClientForm form, std::string_view key);

namespace edit {  // one implementation a syntax; use ClientText
Result<std::vector<EntryText>> json_entries(const std::string& text, const Section& section,
                                            const std::string& file);
Result<std::string> json_with(const std::string& text, const Section& section, const Started& started);
Result<std::string> json_with_raw(const std::string& text, const Section& section, std::string_view name,
                                  std::string_view raw);
Result<std::string> json_without(const std::string& text, const Section& section, std::string_view name);
Result<std::vector<EntryText>> toml_entries(const std::string& text, const Section& section,
                                            const std::string& file);
Result<std::string> toml_with(const std::string& text, const Section& section, const Started& started);
Result<std::string> toml_with_raw(const std::string& text, const Section& section, std::string_view name,
                                  std::string_view raw);
Result<std::string> toml_without(const std::string& text, const Section& section, std::string_view name);
}  // namespace edit

}  // namespace rtt::mcp
