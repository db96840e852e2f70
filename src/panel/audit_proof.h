// SPDX-License-Identifier: Apache-2.0
// What `rtt audit` says of the journal as a whole and proves of one record (docs/formats/journal.md).
//
// Thread: one per call, several inside; safe while a panel appends.
// Fails: as reading files does; kNotFound.   Limits: the journal's; 32 bytes of memory a record for a proof.
#pragma once

#include <optional>

#include "panel/receipts.h"
#include "registry/workspace.h"

namespace rtt::panel {

// {ok,records,seq,root,compacted_to?,checkpoints,bad_seq?,problem?}: every record's hash and place in the
// chain, every checkpoint against its signature and the records before it; and what the journal says of the
// receipts.
struct JournalVerdict {
  text::Json body;
  std::optional<JournaledSeal> seal;
};
Result<JournalVerdict> verify_whole(const registry::Workspace& workspace);

// {seq,index,size,hash,leaf,path,record,checkpoint,digest,signature}: that record `seq` stands where it
// stands, by an RFC 6962 audit path to the root that the first signed checkpoint after it names.
Result<text::Json> prove_record(const registry::Workspace& workspace, Seq seq);

}  // namespace rtt::panel
