// SPDX-License-Identifier: Apache-2.0
// Attachment: a program's connection to the panel as an endpoint: it says which symbols it is, answers about
// its lanes, and finds the next panel when this one ends.
//
// The lanes do not depend on it: while no panel is there they carry on, and what the endpoint holds is told
// to the next panel with the first message, which adopts each lane READY is said for
// (docs/formats/endpoint.md).
//
// Owns: the panel connection, the desk.   Thread: the loop's.   Units: milliseconds.
// Fails: through on_refused, once an attempt: kNotFound, kBusy, kUnsigned… (the panel does not accept the
// symbols), after which it tries again, at last every second.   Limits: kSymbolsMax symbols.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "endpoint/desk.h"

namespace rtt::endpoint {

inline constexpr std::size_t kSymbolsMax = 256;

class Attachment {
 public:
  struct Options {
    std::string sockets_dir;
    std::vector<std::string> symbols;  // references or definitions
    std::string client_name;
  };
  // `accepted`: the definitions the panel knows the symbols by, in the order asked.
  using OnAttached = std::function<void(const std::vector<std::string>& accepted)>;
  using OnRefused = std::function<void(const Error& why)>;

  static std::unique_ptr<Attachment> start(os::Loop& loop, Options options, Desk::OnBoard on_board,
                                           const os::Fd& bell, OnAttached on_attached, OnRefused on_refused);
  ~Attachment();
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  void gone(const Board::Gone& gone);  // from the Board, on this loop
  [[nodiscard]] bool attached() const;

 private:
  Attachment();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::endpoint
