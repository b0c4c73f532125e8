#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: a command fails in the middle of a case, and an expectation does not hold.
. "$(dirname "$0")/../../kselftest/lib.sh"

stumbles() {
	true
	grep -q nothing-of-the-kind /etc/passwd
	true
}

disappoints() {
	expect_eq "one" 1 2
}

run_case "a case with a failing command" stumbles
run_case "a case with a failing expectation" disappoints
