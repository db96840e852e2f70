// SPDX-License-Identifier: Apache-2.0
// Whatever bytes stand in a segment: reading them ends with a report, a record that decodes encodes to the
// same bytes, and what may be recovered is recovered to exactly the records that were read before.
#include "journal/record.h"
#include "journal/recover.h"
#include "journal/simulated_disk_for_test.h"

int fuzz_one(std::span<const std::byte> input);

int fuzz_one(std::span<const std::byte> input) {
  using namespace rtt;
  using namespace rtt::journal;
  constexpr Layout kLayout{.segment_bytes = 1024, .zeros_ahead_bytes = 0};
  if (const auto record = decode_record(input)) {
    Bytes again;
    (void)encode_record(again, {.seq = record->seq, .type = record->type, .prev = record->prev},
                        record->payload_text);
    RTT_ASSERT(std::equal(again.begin(), again.end(), input.begin()));
  }
  if (const auto header = decode_segment_header(input)) {
    const Bytes again = encode_segment_header(*header);
    RTT_ASSERT(std::equal(again.begin(), again.end(), input.begin()));
  }
  const DiskImage image{
      {segment_name({1}), FileImage{.durable = Bytes(input.begin(), input.end()), .pending = {}}}};
  SimulatedDisk disk(image);
  const auto read = read_storage(disk, kLayout, Access::kBeside, {});
  RTT_ASSERT(read.has_value());
  const ReadReport& report = read->report;
  RTT_ASSERT(report.records == report.last_seq.value);
  RTT_ASSERT(report.tree.size() == report.records);
  RTT_ASSERT((report.end == ReadReport::End::kClean) == (report.bad_seq == Seq{0}));
  std::uint64_t replayed = 0;
  Digest last;
  auto opened = open_storage(disk, {.layout = kLayout, .timestamp = [] { return std::string("now"); }},
                             [&](const Record& found) {
                               ++replayed;
                               last = found.hash;
                             });
  RTT_ASSERT(replayed == report.records);
  RTT_ASSERT(last == report.last_hash);
  RTT_ASSERT(opened.has_value() == (report.end != ReadReport::End::kDamaged));
  if (!opened) return 0;
  RTT_ASSERT(opened->torn.has_value() == (report.end == ReadReport::End::kTorn));
  const auto again = read_storage(disk, kLayout, Access::kAlone, {});
  RTT_ASSERT(again->report.end == ReadReport::End::kClean);
  RTT_ASSERT(again->report.tree.root() == opened->writer.root());
  return 0;
}
