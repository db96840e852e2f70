// SPDX-License-Identifier: Apache-2.0
// Seal: the hashes of everything a plan was computed from, so that its id stands for its inputs too.
//
// An input that is absent hashes as `{}`; config is its canonical part with defaults filled in; routes are
// hashed sorted. Two workspaces that mean the same have the same hashes wherever they lie.
//
// Thread: any (pure).   Fails: never.
#pragma once

#include "plan/plan.h"

namespace rtt::plan {

model::PlanInputs hash_inputs(const Inputs& inputs);

}  // namespace rtt::plan
