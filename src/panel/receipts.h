// SPDX-License-Identifier: Apache-2.0
// What `rtt audit` says of the receipts of calls (docs/formats/receipts.md): their lines, their proof, one of
// them.
//
// Thread: one per call; safe while the gateway appends.   Fails: as reading files does; kNotFound.
// Limits: the log's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "receipts/log.h"
#include "registry/workspace.h"

namespace rtt::panel {

// The receipts in order, as lines of `audit`, one at a time, so that they can be merged with the journal's.
class ReceiptLines {
 public:
  static Result<ReceiptLines> open(const registry::Workspace& workspace);
  // The next line whose `ts` is before `ts` (empty: any); nothing: there is none.
  Result<std::optional<text::Json>> next_before(std::string_view ts);

 private:
  explicit ReceiptLines(receipts::LogReader reader) : reader_(std::move(reader)) {}
  Result<bool> load();

  receipts::LogReader reader_;
  std::optional<receipts::Batch> batch_;
  std::uint64_t in_batch_ = 0;
  std::optional<text::Json> waiting_;
};

// What the journal said of the newest seal, by a record of action `receipts`.
struct JournaledSeal {
  Digest seal;
  std::uint64_t last = 0;  // receipt
};
std::optional<JournaledSeal> journaled_seal(const text::Json& payload);

// {ok,receipts,batches,first,last,lost,head,unsigned,journaled,problem?}: every batch against its seal, its
// signature and the seal before it, and the newest seal the journal knows against the log.
Result<text::Json> verify_receipts(const registry::Workspace& workspace,
                                   const std::optional<JournaledSeal>& journaled);
// {receipt:{…},bytes,index,path:[…],seal:{…},signer}: what proves receipt `index`.
Result<text::Json> prove_receipt(const registry::Workspace& workspace, std::uint64_t index);

}  // namespace rtt::panel
