// SPDX-License-Identifier: Apache-2.0
// Machine.tla in C++: an operator takes the machine and gives back an effect.
#pragma once

#include "next_for_test.h"

namespace rtt::spec {

struct Effect {
  Machine m;
  std::vector<Record> write;
  std::vector<std::vector<Letter>> send;  // by participant
  std::vector<int> file;
};

class Rules {
 public:
  explicit Rules(const Constants& constants) : c_(constants) {}
  [[nodiscard]] Effect quiet(Machine m) const;
  [[nodiscard]] Effect on_start(Machine m, int base, int target, int seq) const;
  [[nodiscard]] Effect on_durable(Machine m, Type type, int seq) const;
  [[nodiscard]] Effect on_journal_failed(Machine m) const;
  [[nodiscard]] Effect on_accepted_written(Machine m) const;
  [[nodiscard]] Effect on_accepted_failed(Machine m) const;
  [[nodiscard]] Effect on_prepare_done(Machine m, int p, int round) const;
  [[nodiscard]] Effect on_flip_done(Machine m, int p, int round) const;
  [[nodiscard]] Effect on_nack(Machine m, int p, int round) const;
  [[nodiscard]] Effect on_participant_lost(Machine m, int p) const;
  [[nodiscard]] Effect on_timeout(Machine m) const;
  [[nodiscard]] Effect on_verify_ok(Machine m) const;
  [[nodiscard]] Effect on_verify_failed(Machine m) const;

 private:
  static bool rolling_back(const Machine& m);
  static bool owed(const Machine& m, int p, int round);
  [[nodiscard]] Effect write(Machine m, Record record) const;
  [[nodiscard]] Effect file(Machine m, int graph) const;
  void to(Effect& effect, unsigned set, Letter letter) const;
  [[nodiscard]] Effect settle(Machine m, Said state) const;
  [[nodiscard]] Effect write_commit(Machine m) const;
  [[nodiscard]] Effect begin_round(Machine m) const;
  [[nodiscard]] Effect begin_verify(Machine m) const;
  [[nodiscard]] Effect round_over(Machine m) const;
  [[nodiscard]] Effect begin_flip(Machine m) const;
  [[nodiscard]] Effect abort(Machine m) const;
  [[nodiscard]] Effect roll_back(Machine m) const;
  [[nodiscard]] Effect trouble(Machine m) const;

  const Constants& c_;
};

}  // namespace rtt::spec
