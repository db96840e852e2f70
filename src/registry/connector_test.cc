// SPDX-License-Identifier: Apache-2.0
// Goal: what a driver host runs is what somebody trusted signed. Method: a driver.json unsigned, signed,
// changed, broken, misnamed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/place_test.h"

namespace rtt::registry {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kPath = ".rtt/drivers/echo/driver.json";
constexpr std::string_view kDriver = R"({"name":"echo","exec":["python3","echo.py"],"wire":"json"})";
constexpr std::string_view kOther = R"({"name":"echo","exec":["sh","-c","evil"],"wire":"line"})";

TEST(Connector, unsigned_is_refused_in_strict_mode_and_signed_is_in_force) {
  const Place place;
  place.init();
  place.scratch().write(kPath, kDriver);
  const Snapshot before = place.load();
  EXPECT_THAT(lines(before), ElementsAre(HasSubstr(".rtt/drivers/echo/driver.json: error RTT0401")));
  const auto refused = before.connector("echo");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnsigned);
  EXPECT_EQ(refused.error().where, kPath);
  place.sign({std::string(kPath)});
  const auto connector = place.load().connector("echo");
  ASSERT_TRUE(connector);
  EXPECT_EQ(connector->exec, (std::vector<std::string>{"python3", "echo.py"}));
}

TEST(Connector, a_change_without_a_signature_leaves_the_signed_program_in_force) {
  const Place place;
  place.init();
  place.scratch().write(kPath, kDriver);
  place.sign({});
  place.scratch().write(kPath, kOther);
  const Snapshot changed = place.load();
  EXPECT_THAT(lines(changed), ElementsAre(HasSubstr(".rtt/drivers/echo/driver.json: error RTT0405")));
  const auto connector = changed.connector("echo");
  ASSERT_TRUE(connector);
  EXPECT_EQ(connector->exec.front(), "python3");
  place.sign({});
  EXPECT_EQ(place.load().connector("echo")->exec.front(), "sh");
}

TEST(Connector, a_name_that_is_not_its_folders_or_a_built_in_is_an_error_and_cannot_be_signed) {
  const Place place;
  place.init();
  place.scratch().write(".rtt/drivers/echo/driver.json", R"({"name":"ohce","exec":["a"],"wire":"json"})");
  place.scratch().write(".rtt/drivers/http/driver.json", R"({"name":"http","exec":["a"],"wire":"json"})");
  const Snapshot snapshot = place.load();
  EXPECT_THAT(lines(snapshot), Contains(HasSubstr("differs from its folder")));
  EXPECT_THAT(lines(snapshot), Contains(HasSubstr("built-in")));
  EXPECT_FALSE(snapshot.connector("echo"));
  EXPECT_EQ(snapshot.connector("absent").error().code, Code::kDriverStart);
}

}  // namespace
}  // namespace rtt::registry
