// SPDX-License-Identifier: Apache-2.0
// Every limit of the program, in one place. A limit met is an error that names it (kLimit, kTooLarge).
//
// Thread: any (constants).   Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rtt::limits {

// Text and files.
inline constexpr std::size_t kManifestBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kConfigBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kClientConfigBytesMax = std::size_t{16} << 20;  // an AI client's own file
inline constexpr std::size_t kConnectRecordsMax = 4096;
inline constexpr std::size_t kNameBytesMax = 128;  // one part of an address
inline constexpr std::size_t kContractsPerFileMax = 4096;
inline constexpr std::size_t kCapabilitiesMax = 64;
inline constexpr std::size_t kProblemsPerFileMax = 100;  // each costs a second pass to find its line
inline constexpr std::size_t kNodesMax = 4096;
inline constexpr std::size_t kPlanBytesMax = std::size_t{256} << 20;

// Scan.
inline constexpr std::size_t kScanDepthMax = 64;
inline constexpr std::size_t kScanFilesMax = 1'000'000;
inline constexpr std::size_t kProblemsMax = 1000;

// Plan.
inline constexpr std::size_t kRoutesMax = 100'000;
inline constexpr std::size_t kCandidatesPerRouteMax = 4096;
inline constexpr std::size_t kPolicyRulesMax = 10'000;
inline constexpr std::size_t kViewsMax = 1024;  // providers of one workspace

// Journal.
inline constexpr std::size_t kSegmentBytes = std::size_t{16} << 20;
inline constexpr std::size_t kRecordPayloadBytesMax = std::size_t{1} << 20;

// Control messages and lanes.
inline constexpr std::size_t kControlBytesMax = std::size_t{1} << 20;
inline constexpr int kControlInFlightMax = 64;
inline constexpr int kFdsPerFrameMax = 8;
inline constexpr std::size_t kFramePayloadBytesMax = std::size_t{64} << 20;
inline constexpr int kClientsMax = 1024;
inline constexpr std::uint32_t kRingSlotsMin = 64;
inline constexpr std::uint32_t kRingSlotsMax = 65'536;
inline constexpr std::size_t kRingArenaBytesMax = std::size_t{256} << 20;

// Drivers and MCP.
inline constexpr std::size_t kMcpLineBytesMax = std::size_t{16} << 20;  // one JSON-RPC message of either side
inline constexpr std::size_t kMcpInFlightMax = 4096;                    // requests one server may owe us
inline constexpr std::size_t kMcpToolsPerServerMax = 4096;
inline constexpr std::size_t kMcpServersMax = 256;
inline constexpr std::size_t kMcpPagesMax = 256;
inline constexpr std::size_t kClientQueueBytesMax = std::size_t{32} << 20;
inline constexpr std::size_t kServerLogBytesMax = std::size_t{256} << 10;  // stderr kept per server
inline constexpr std::int64_t kCallDeadlineMs = 30'000;
inline constexpr std::int64_t kServerStartMs = 30'000;
inline constexpr std::int64_t kServerIdleMs = 600'000;
inline constexpr std::size_t kConnectorsMax = 256;                        // driver.json files of a workspace
inline constexpr std::size_t kDriverLineBytesMax = std::size_t{1} << 20;  // one line of either side
inline constexpr std::size_t kDriverCallsMax = 256;  // calls of a child, waiting ones too
inline constexpr std::size_t kDriverLinksMax = 64;   // links open at a child
inline constexpr std::size_t kDriverOwedMax = 1024;  // replies a child may owe us
inline constexpr std::size_t kDriverQueueBytesMax = std::size_t{16} << 20;  // not read by it yet
inline constexpr std::int64_t kDriverHelloMs = 10'000;
inline constexpr std::int64_t kDriverSilentMs = 60'000;  // owing replies and saying nothing: stuck
inline constexpr std::int64_t kHostOrphanMs = 600'000;   // a host no panel adopts drains and exits
inline constexpr std::int64_t kPanelIdleMs = 900'000;
inline constexpr int kDriverRestartsMax = 5;  // within kDriverRestartWindowMs, then tripped
inline constexpr std::int64_t kDriverRestartWindowMs = 60'000;

}  // namespace rtt::limits
