#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The KUnit suites (selftests/kunit), in a kernel that has KUnit: they run when their module is loaded, and write their
# results to debugfs, as KTAP. Each of their cases becomes a case here.
# vm: smp
# timeout: 7200
. "$(dirname "$0")/../kselftest/lib.sh"

# Every test_NAME.c of these two folders is a suite, but the one whose machine is its own.
suites=$(cd "$(dirname "$0")/.." && printf '%s\n' {unit,kunit}/test_*.c | sed 's,.*/test_\(.*\)\.c,\1,' | grep -vx parallel | paste -sd ' ')
debugfs=/sys/kernel/debug/kunit
# shellcheck disable=SC2154 # lib.sh's
results=$lib_work/results

skip_unless_weft
modprobe kunit 2>/dev/null || true
[ -d $debugfs ] || skip "this kernel has no KUnit"
modinfo weft_kunit >/dev/null 2>&1 || skip "weft_kunit was not built"

# Cases backdate sessions, but not to before the boot.
machine_is_old() {
	[ "$(now_ms)" -gt 180000 ]
}

# The module is unloaded with all its objects. Its copies of weft's files have caches of the same names as weft's own.
suites_run() {
	local suite

	rmmod weft
	wait_for 190 machine_is_old
	expect modprobe weft_kunit
	mkdir "$results"
	for suite in $suites; do
		cp "$debugfs/weft_$suite/results" "$results/$suite"
	done
	expect rmmod weft_kunit
}

# The lines between a case's beginning and its verdict belong to it.
case_is_good() { # case_is_good SUITE NAME VERDICT
	case $3 in
	"ok "*"# SKIP"*)
		skip "${3#*# SKIP }"
		;;
	"not ok "*)
		sed -n "s/^ *# $2: \(.*\)/# \1/p" "$results/$1"
		fail "$3"
		;;
	esac
}

# The suite ran as many cases as announced, and at least one.
suite_is_whole() { # suite_is_whole SUITE
	local planned ran

	planned=$(sed -n 's/^    1\.\.\([0-9]*\)$/\1/p' "$results/$1")
	ran=$(grep -cE '^    (not )?ok ' "$results/$1" || true)
	expect_eq "cases that ran" "$ran" "$planned"
	expect_gt "cases" "$ran" 0
	expect grep -q "^ok 1 weft_$1$" "$results/$1"
}

cases_of() { # cases_of SUITE: "NAME VERDICT" a line
	sed -nE 's/^    ((not )?ok [0-9]+ ([a-z0-9_]+).*)$/\3 \1/p' "$results/$1"
}

run_case "the suites run, and their module unloads" suites_run
for suite in $suites; do
	[ -e "$results/$suite" ] || continue
	while read -r name verdict; do
		run_case "$suite: $name" case_is_good "$suite" "$name" "$verdict"
	done < <(cases_of "$suite")
	run_case "$suite: all of its cases ran" suite_is_whole "$suite"
done
