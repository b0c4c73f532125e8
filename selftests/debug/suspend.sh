#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The machine sleeps (suspend to idle) and wakes during TCP both ways: all data arrives unchanged, and each sleep erases
# the sessions, so that memory holds no session key. An emulated machine without ACPI has no wake-up source: the
# kernel's own test mode goes the whole way down, to devices without interrupts, and up again.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/../kselftest/lib.sh"

rounds=3
test_mode=/sys/power/pm_test

sleeps() {
	cat /sys/power/suspend_stats/success
}

sleep_once() {
	local before

	before=$(sleeps)
	echo freeze >/sys/power/state
	expect_eq "times that the machine slept" $(($(sleeps) - before)) 1
}

sleeps_and_wakes() {
	local i before

	streams_start
	for ((i = 0; i < rounds; i++)); do
		before=$(peer_field a wt0 b wt0 handshake)
		sleep_once
		both_receive 100000
		expect_gt "time of the latest handshake" "$(peer_field a wt0 b wt0 handshake)" "$before"
	done
	streams_stop
}

grep -q platform $test_mode 2>/dev/null || skip "this kernel does not test its sleep"
echo platform >$test_mode
echo 2 >/sys/module/suspend/parameters/pm_test_delay
# shellcheck disable=SC2119 # without arguments
pair_create
peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
session_up a wt0 b wt0 10.9.0.2
run_case "the machine sleeps and wakes $rounds times" sleeps_and_wakes
