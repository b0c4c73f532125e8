#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: expectations of values that are no numbers, and failures whose status is lost.
. "$(dirname "$0")/../../kselftest/lib.sh"

helper() {
	fail "the helper has nothing to read"
}

skips() {
	skip "planted"
}

word_between() {
	expect_between "word" none 0 2000
}

empty_number() {
	expect_lt "number" "" 3
}

empty_value() {
	expect_ne "value" "" 0
}

lost_in_substitution() {
	expect_ne "value" "$(helper)" 0
}

has_value() {
	[ "$(helper)" != 0 ]
}

lost_in_a_look() {
	wait_for 1 has_value
}

ends_like_skip() {
	sh -c 'exit 4'
}

helper_apart() {
	(helper)
}

tolerated() {
	attempt helper || expect_fail helper_apart
}

run_case "a skip" skips
run_case "a word between two numbers" word_between
run_case "an empty number" empty_number
run_case "an empty value" empty_value
run_case "a helper that fails within a substitution" lost_in_substitution
run_case "a helper that fails within a poll" lost_in_a_look
run_case "a status that looks like a skip" ends_like_skip
run_case "a failure that is expected" tolerated
