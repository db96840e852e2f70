// SPDX-License-Identifier: Apache-2.0
// EventStream: a text/event-stream cut into its events, that stays bounded whatever the server sends.
//
// Reads as browsers do: lines end in LF, CRLF or CR, a byte-order mark first is skipped, comments and unknown
// fields are passed over, an event without data only moves its id on, and what follows the last blank line is
// no event. Of an event over the limit the ends are kept, in which the id of a reply stands (LineStream).
//
// Owns: the event under way.   Thread: one.   Fails: never.
// Limits: data_bytes_max of data an event, kFieldBytesMax of any other field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtt::mcp {

class EventStream {
 public:
  static constexpr std::size_t kFieldBytesMax = 1024;
  static constexpr std::int64_t kRetryMsMax = 3'600'000;

  struct Event {
    std::string type;                // empty: "message"
    std::string data;                // lines joined by LF
    std::size_t overlong_bytes = 0;  // > 0: it had this many bytes of data, which were dropped
    std::string head, tail;          // of dropped data, LineStream::kEdgeBytes each
  };

  explicit EventStream(std::size_t data_bytes_max) : limit_(data_bytes_max) {}

  std::vector<Event> take(std::string_view bytes);
  [[nodiscard]] const std::string& last_id() const { return last_id_; }  // of the last whole event
  [[nodiscard]] std::optional<std::int64_t> retry_ms() const { return retry_ms_; }

 private:
  void take_part(std::string_view part);  // of a line
  void end_line(std::vector<Event>& out);
  void field(std::string_view name, std::string_view value);
  void add_data(std::string_view part);

  std::size_t limit_;
  std::string line_;         // of a line that is no `data` (yet); at most kFieldBytesMax + a name
  bool in_data_ = false;     // the line is `data`, whose value goes straight to event_
  bool data_blank_ = false;  // the blank after `data:` is still to come, if there is one
  bool line_too_long_ = false;
  bool after_return_ = false;  // an LF now belongs to the CR before it
  bool begun_ = false;         // past the byte-order mark
  Event event_;
  bool has_data_ = false;
  std::string id_, last_id_;
  std::optional<std::int64_t> retry_ms_;
};

}  // namespace rtt::mcp
