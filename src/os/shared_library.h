// SPDX-License-Identifier: Apache-2.0
// SharedLibrary: a library of the system's that is loaded when it is needed, not with the program.
//
// Owns: nothing; what is loaded stays loaded, for its code may have started threads.   Thread: any.
// Fails: kNotFound, with the loader's words.
#pragma once

#include <string>

#include "base/result.h"

namespace rtt::os {

class SharedLibrary {
 public:
  static Result<SharedLibrary> load(const std::string& file);  // by name, where the system keeps them
  [[nodiscard]] void* symbol(const char* name) const;          // nullptr: it has none of that name

 private:
  explicit SharedLibrary(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace rtt::os
