#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: passes.
. "$(dirname "$0")/../../kselftest/lib.sh"

works() {
	ns_create x
	ns_run sleeper x sleep 1000
	expect ns x true
}

run_case "a case that passes" works
