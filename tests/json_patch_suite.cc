// SPDX-License-Identifier: Apache-2.0
// The published suite of RFC 6902 (json-patch/json-patch-tests, from npm, pinned in tests/vectors): every
// case of its two files, those that the suite itself has switched off too.
//
// A case stands in its file as text and is read by our own reader one at a time: two cases name `op` twice,
// which the suite wants refused and other readers let pass.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <fstream>
#include <iterator>

#include "text/json_patch.h"

namespace rtt::text {
namespace {

struct Suite {
  const char* file;
  std::size_t cases;  // of the pinned version
};
class JsonPatchSuite : public ::testing::TestWithParam<Suite> {};

// Whether the case went as the suite says it must.
::testing::AssertionResult holds(const std::string& source) {
  const auto one = parse_json(source);
  const bool refusal = source.find("\"error\"") != std::string::npos;
  if (!one) {
    if (refusal && one.error().code == Code::kJsonDuplicateKey) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "not read: " << one.error().message;
  }
  const Json* document = one->find("doc");
  const Json* patch = one->find("patch");
  if (document == nullptr || patch == nullptr) return ::testing::AssertionFailure() << "no `doc` or `patch`";
  const auto read = JsonPatch::read(*patch);
  const auto done = read ? read->apply(*document) : Result<Json>(std::unexpected(read.error()));
  if (one->find("error") != nullptr) {
    if (!done) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "applied: " << to_json(*done);
  }
  if (!done) return ::testing::AssertionFailure() << done.error().where << ": " << done.error().message;
  const Json* expected = one->find("expected");
  if (expected == nullptr || *expected == *done) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "became " << to_json(*done);
}

TEST_P(JsonPatchSuite, every_case_goes_as_published) {
  const std::string path =
      std::string(RTT_VECTORS) + "/node_modules/json-patch-test-suite/" + GetParam().file;
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in) << path << " is missing: make deps";
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const simdjson::padded_string padded(text);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  ASSERT_FALSE(parser.iterate(padded).get(document));
  simdjson::ondemand::array array;
  ASSERT_FALSE(document.get_array().get(array));
  std::size_t ran = 0;
  for (auto element : array) {
    simdjson::ondemand::object object;
    std::string_view source;
    ASSERT_FALSE(element.get_object().get(object));
    ASSERT_FALSE(object.raw_json().get(source));
    EXPECT_TRUE(holds(std::string(source))) << source;
    ++ran;
  }
  EXPECT_EQ(ran, GetParam().cases);
}

INSTANTIATE_TEST_SUITE_P(Published, JsonPatchSuite,
                         ::testing::Values(Suite{"tests.json", 78}, Suite{"spec_tests.json", 17}),
                         [](const auto& suite) { return suite.index == 0 ? "tests" : "rfc"; });

}  // namespace
}  // namespace rtt::text
