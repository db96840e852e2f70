// SPDX-License-Identifier: Apache-2.0
// Goal: a driver's parameters are held to the whole of the schema it states.
#include "drivers/params_check.h"

#include <gtest/gtest.h>

namespace rtt::drivers {
namespace {

TEST(ParamsCheck, every_keyword_of_the_schema_counts_and_the_fault_names_its_place) {
  const auto schema = *text::parse_json(
      R"({"type":"object","properties":{"port":{"minimum":1},"host":{"$ref":"#/$defs/name"}},
          "additionalProperties":false,"required":["port"],"$defs":{"name":{"minLength":1}}})");
  const auto said = [&](std::string_view params) {
    const Status held = check_params(*text::parse_json(params), schema);
    return held ? std::string() : held.error().message;
  };
  EXPECT_EQ(said(R"({"port":1,"host":"a"})"), "");
  EXPECT_EQ(said(R"({"port":0})"), "driver.params/port is less than 1");
  EXPECT_NE(said(R"({"port":1,"host":""})"), "");
  EXPECT_EQ(said(R"({})"), "driver.params/port is missing");
  EXPECT_EQ(said(R"({"port":1,"prot":1})"), "driver.params/prot is not allowed here");
}

}  // namespace
}  // namespace rtt::drivers
