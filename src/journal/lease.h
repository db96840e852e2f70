// SPDX-License-Identifier: Apache-2.0
// Lease: who may write a journal, and that nobody else does since.
//
// The holder has the lock file locked (flock) for its life; the kernel lets it go however the holder ends, so
// nothing has to expire and nobody waits for a timeout. A lock is on a file and not on its name, though: who
// removes or replaces the file (a cleaning script, a restored backup) lets a second writer in. So every write
// of the first is fenced: it looks whether the name still leads to the file that it holds, and from the
// moment it does not it writes nothing any more. What it was writing at that very moment the chain of the
// records tells apart. The number that goes with a lease is the generation of its panel, which every panel
// writes into the journal as it begins, one more than the one before (docs/formats/ledger.md).
//
// Owns: the lock.   Thread: any for in_force, one for the rest.
// Fails: take: kBusy (somebody holds it), kIo; in_force and every write of a fenced storage: kApplyBusy.
// Limits: what is taken away between a look and the write that follows it is seen by the next look.
#pragma once

#include <memory>
#include <string>

#include "journal/storage.h"
#include "os/dir.h"
#include "os/file.h"

namespace rtt::journal {

class Lease {
 public:
  static Result<Lease> take(const std::string& directory);
  [[nodiscard]] Status in_force() const;

 private:
  Lease(os::FileLock lock, os::Folder folder, std::string path);
  [[nodiscard]] os::FileStamp look() const;

  os::FileLock lock_;
  os::Folder folder_;
  std::string path_;
  os::FileStamp held_;
};

// `behind`, into which nothing is written once the lease, which outlives it, is not in force.
std::unique_ptr<Storage> fenced(std::unique_ptr<Storage> behind, const Lease& lease);

}  // namespace rtt::journal
