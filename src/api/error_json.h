// SPDX-License-Identifier: Apache-2.0
// The JSON form of an error, {"code":"RTT0412","message","where","hint","causes"}: an error reply on a lane,
// and the error of an answer's part.
//
// Owns: nothing.   Thread: any.   Units: none.   Fails: never; what is no such object becomes kInternal with
// its text.
// Limits: kErrorCausesMax causes.
#pragma once

#include <string_view>

#include "base/error.h"
#include "text/json.h"

namespace rtt::api {

text::Json error_json(const Error& error);  // empty causes are left out
Error error_from_json(std::string_view text);
Error error_from_object(const text::Json& json);

}  // namespace rtt::api
