// SPDX-License-Identifier: Apache-2.0
// Cases of our own for every keyword; the published suite for 2020-12 was run against this reader when it was
// written.
#include "drivers/json_schema.h"

#include <gtest/gtest.h>

namespace rtt::drivers {
namespace {

using text::Json;

std::string fault(std::string_view schema, std::string_view value) {
  const auto found = JsonSchema(*text::parse_json(schema)).check(*text::parse_json(value));
  return found ? found->pointer + " " + found->message : "";
}
bool fits(std::string_view schema, std::string_view value) { return fault(schema, value).empty(); }

struct Case {
  std::string_view schema, good, bad;
};
TEST(JsonSchema, every_keyword_judges) {
  for (const Case& one : std::initializer_list<Case>{
           {R"({"type":"string"})", R"("a")", "1"},
           {R"({"type":["integer","null"]})", "null", "1.5"},
           {R"({"type":"integer"})", "1.0", "0.5"},
           {R"({"enum":["a",{"b":1}]})", R"({"b":1.0})", R"("b")"},
           {R"({"const":[1]})", "[1]", "[2]"},
           {R"({"minimum":1,"maximum":2})", "2", "3"},
           {R"({"exclusiveMinimum":1})", "1.5", "1"},
           {R"({"exclusiveMaximum":1})", "0", "1"},
           {R"({"multipleOf":0.01})", "0.07", "0.075"},
           {R"({"minLength":2,"maxLength":2})", "\"\xC3\xA9\xC3\xA9\"", R"("a")"},
           {R"({"pattern":"^a+$"})", R"("aa")", R"("b")"},
           {R"({"required":["a"]})", R"({"a":null})", "{}"},
           {R"({"minProperties":1,"maxProperties":1})", R"({"a":1})", "{}"},
           {R"({"properties":{"a":{"type":"string"}}})", R"({"a":"x"})", R"({"a":1})"},
           {R"({"patternProperties":{"^x-":{"type":"string"}}})", R"({"x-a":"x","y":1})", R"({"x-a":1})"},
           {R"({"properties":{"a":{}},"additionalProperties":false})", R"({"a":1})", R"({"b":1})"},
           {R"({"propertyNames":{"maxLength":1}})", R"({"a":1})", R"({"ab":1})"},
           {R"({"dependentRequired":{"a":["b"]}})", R"({"a":1,"b":1})", R"({"a":1})"},
           {R"({"dependentSchemas":{"a":{"minProperties":2}}})", R"({"a":1,"b":1})", R"({"a":1})"},
           {R"({"items":{"type":"string"},"minItems":1})", R"(["a"])", "[1]"},
           {R"({"prefixItems":[{"type":"string"}],"items":false})", R"(["a"])", R"(["a",1])"},
           {R"({"items":[{"type":"string"}],"additionalItems":false})", R"(["a"])", R"(["a",1])"},
           {R"({"uniqueItems":true})", R"([1,"1"])", "[1,1.0]"},
           {R"({"contains":{"const":1},"maxContains":1})", "[0,1]", "[1,1]"},
           {R"({"allOf":[{"type":"integer"},{"minimum":2}]})", "2", "1"},
           {R"({"anyOf":[{"type":"integer"},{"minimum":2}]})", "2.5", "1.5"},
           {R"({"oneOf":[{"type":"integer"},{"minimum":2}]})", "2.5", "3"},
           {R"({"not":{"type":"integer"}})", "1.5", "1"},
           {R"({"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}})", R"({"c":1})",
            R"({"a":1})"},
           {R"({"$defs":{"a~b/c":{"type":"string"}},"items":{"$ref":"#/$defs/a~0b~1c"}})", R"(["x"])", "[1]"},
           {R"({"definitions":{"n":{"$anchor":"n","type":"string"}},"items":{"$ref":"#n"}})", R"(["x"])",
            "[1]"},
           {R"({"properties":{"next":{"$ref":"#"}},"additionalProperties":false})", R"({"next":{"next":{}}})",
            R"({"next":{"nxt":{}}})"},
           {R"({"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false})", R"({"a":1})",
            R"({"b":1})"},
           {R"({"prefixItems":[{}],"unevaluatedItems":false})", "[1]", "[1,2]"},
           {"true", "1", ""}}) {
    EXPECT_EQ(fault(one.schema, one.good), "") << one.schema;
    EXPECT_TRUE(one.bad.empty() || !fits(one.schema, one.bad)) << one.schema;
  }
}

TEST(JsonSchema, says_where_and_what) {
  constexpr std::string_view kSchema =
      R"({"properties":{"rows":{"items":{"properties":{"a/b":{"type":"string"}},"required":["id"]}}}})";
  EXPECT_EQ(fault(kSchema, R"({"rows":[{"id":1},{"id":2,"a/b":3}]})"), "/rows/1/a~1b is not of type string");
  EXPECT_EQ(fault(kSchema, R"({"rows":[{}]})"), "/rows/0/id is missing");
}

TEST(JsonSchema, what_cannot_be_known_is_not_judged) {
  EXPECT_TRUE(fits(R"({"$ref":"https://example.com/other.json"})", "1"));
  EXPECT_TRUE(fits(R"({"pattern":"(?=lookahead)x"})", R"("y")"));
  EXPECT_TRUE(fits(R"({"format":"email"})", R"("no mail")"));
}

TEST(JsonSchema, endless_schemas_end) {
  EXPECT_NE(fault(R"({"$ref":"#"})", "1").find("too much work"), std::string::npos);
  std::string bomb = R"({"$defs":{"d0":{"type":"string"})";
  for (int i = 1; i < 40; ++i) {
    const std::string before = std::to_string(i - 1);
    bomb += ",\"d" + std::to_string(i) + R"(":{"anyOf":[{"$ref":"#/$defs/d)" + before +
            R"("},{"$ref":"#/$defs/d)" + before + R"("}]})";
  }
  EXPECT_NE(fault(bomb + R"(},"$ref":"#/$defs/d39"})", "1").find("too much work"), std::string::npos);
}

}  // namespace
}  // namespace rtt::drivers
