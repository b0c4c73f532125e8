#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Shared by scripts that run several tests as one stream. To be sourced.
#
#   with_verdict NAME COMMAND...    passes lines on; a command that fails without a line "not ok" gets one
#   suite NAME COMMAND...           a suite that prints TAP of its own
#   merge       numbers the lines "ok - ..." and "not ok - ..." of all streams on standard input, ends with the plan and
#               the sum; fails unless all passed

# A suite that prints TAP of its own: its lines get its name, and a failure without output gets a line. Lines are
# written whole, because other suites write to the same pipe.
suite() { # suite NAME COMMAND...
	local name=$1 status log

	shift
	log=$(mktemp)
	"$@" >"$log" 2>&1
	status=$?
	sed -u -n -E "s/^((not )?ok) [0-9]+ -? ?(.*)$/\1 - $name: \3/p" "$log"
	if [ $status != 0 ] && ! grep -q '^not ok' "$log"; then
		echo "not ok - $name: ended with status $status"
	elif [ $status = 0 ] && ! grep -q '^ok' "$log"; then
		echo "not ok - $name: no output"
	fi
	[ $status = 0 ] || tail -n 100 "$log" | sed -u "s/^/# $name: /"
	rm -f "$log"
}

with_verdict() { # with_verdict NAME COMMAND...
	local name=$1 line failed='' status=''

	shift
	while IFS= read -r line; do
		case $line in
		"status of the command: "*)
			status=${line##* }
			continue
			;;
		"not ok - "*)
			failed=1
			;;
		esac
		printf '%s\n' "$line"
	done < <("$@"; echo "status of the command: $?")
	if [ "$status" != 0 ] && [ -z "$failed" ]; then
		echo "not ok - $name: ended with status $status"
	fi
}

# Reads a line at a time (mawk reads blocks, which would delay the output).
merge() {
	local line number=0 passed=0 failed=0 skipped=0

	while IFS= read -r line; do
		case $line in
		"ok - "*" # SKIP"*)
			skipped=$((skipped + 1))
			;;
		"ok - "*)
			passed=$((passed + 1))
			;;
		"not ok - "*)
			failed=$((failed + 1))
			;;
		*)
			printf '%s\n' "$line"
			continue
			;;
		esac
		number=$((number + 1))
		printf '%s %d - %s\n' "${line%% - *}" $number "${line#*ok - }"
	done
	echo "1..$number"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ] && [ $passed -gt 0 ]
}
