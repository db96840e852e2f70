// SPDX-License-Identifier: Apache-2.0
// Handover: a conversation on two descriptors that another process can take over, even after kill -9.
//
// Who owns the descriptors (`rtt mcp serve`) makes two anonymous files and hands them over with the
// descriptors; who serves them (the gateway) keeps in them what a successor must know: the input it has read
// and not dealt with, the requests it owes an answer, the output that is still to be written, and some text
// of its own. A successor that is given the same files goes on: no input is lost, no output is lost, doubled
// or cut in two.
//
// How that holds at every instruction:
// - Input is read into zero memory, and a line holds no zero byte: what was read is what is not zero, also
//   when the reader died before it could write down how much it got.
// - All other facts are in a State of which there are two; commit() writes the other one and switches by one
//   store. Between two commits nothing has happened.
// - Output goes into the second file and from there to the client by splice() or sendfile(), which move that
//   file's position in the kernel, in the same call as the bytes: the position is how much was sent. A file
//   position belongs to the open file, so it survives the process. The pages that are under way in the
//   client's pipe are the file's own, so what was written is never written over; it is punched out behind the
//   reader.
//
// Cost: one splice() where there would be one write(), a page fault for each 4 KiB of output, and some 300 ns
// for the rest.
//
// Owns: the mapping, the output file.   Thread: one.   Units: bytes.
// Fails: create: kIo; open: kFrame (no files of this kind), kIo; flush: kLost (nobody reads), kIo.
// Limits: kHandoverRequestsMax under way of ids of kHandoverIdBytesMax, kHandoverTextBytesMax of text; beyond
// them the conversation goes on and cannot be taken over any more (gave_up).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "os/fd.h"

namespace rtt::os {

inline constexpr std::size_t kHandoverRequestsMax = 4096;
inline constexpr std::size_t kHandoverIdBytesMax = 63;
inline constexpr std::size_t kHandoverTextBytesMax = std::size_t{1} << 20;

struct HandoverFiles {
  Fd memory, output;
};
// Whether output to this descriptor can be handed over: a pipe or a stream socket.
bool can_hand_over(int out_fd);
Result<HandoverFiles> create_handover();
// Whether a successor could go on from what is there.
bool can_take_over(int memory_fd);

class Handover {
 public:
  using Slot = std::uint32_t;

  static Result<std::unique_ptr<Handover>> open(HandoverFiles files, int out_fd);
  ~Handover();
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // Of the predecessor; 0: there was none.
  [[nodiscard]] std::uint64_t runs() const { return runs_; }
  [[nodiscard]] std::string_view unread() const;
  [[nodiscard]] std::vector<std::pair<Slot, std::string>> owed() const;
  [[nodiscard]] std::string text() const;

  // Input: read into room(), say how much, and before each commit how much of it is not dealt with.
  MutableBytes room();
  void filled(std::size_t byte_count);
  void left(std::size_t byte_count);

  std::optional<Slot> owe(std::string_view id);
  void settle(Slot slot);
  void keep_text(std::string_view text);
  void append(std::string_view line) { fresh_.append(line); }
  void give_up();

  Status commit();
  Status flush();  // as much as is taken now
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct State {
    std::uint64_t inbox = 0, head = 0;  // which input region, and its first byte that was not dealt with
    std::uint64_t sent_until = 0;       // end of the output
    std::uint64_t text = 0, text_bytes = 0;
    std::uint64_t gave_up = 0, runs = 0;
    std::array<std::uint64_t, kHandoverRequestsMax / 64> owed{};
  };
  struct Layout;
  friend Result<HandoverFiles> create_handover();
  friend bool can_take_over(int memory_fd);

  Handover() = default;
  [[nodiscard]] Layout& at() const { return *static_cast<Layout*>(memory_); }
  [[nodiscard]] char* region() const;
  void switch_state();
  void rewind();
  void move_on();
  void punch();
  Status put(std::string_view bytes);  // at the end of the output file

  void* memory_ = nullptr;
  Fd output_;
  int out_fd_ = -1;
  bool to_socket_ = false;
  State staged_;
  std::array<std::uint64_t, kHandoverRequestsMax / 64> busy_{};  // owed in the state in force
  std::uint64_t runs_ = 0;
  std::size_t filled_ = 0;  // end of what was read, in the region
  std::string fresh_;       // output not in the file yet
  std::uint64_t sent_ = 0, punched_ = 0;
  char* window_ = nullptr;       // where the output file is mapped, if it is
  std::uint64_t window_at_ = 0;  // its first byte there
};

}  // namespace rtt::os
