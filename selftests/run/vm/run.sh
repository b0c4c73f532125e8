#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs tests in VMs with one kernel, and prints TAP without numbers, a line at a time, so that several instances can share
# one output: "ok - 6.12 basic: ping over v4", and for a failed test its whole output, after "# ".
#
#   run.sh [-k WEFT_KO] SERIES TEST...
#
# One VM runs many tests; after a crash of the VM the remaining tests run in a new one. KIND=wireguard runs them
# against the in-tree module, to verify the tests themselves, and KIND=weft-compat against weft in its place.
# WALL_LIMIT limits the wall-clock seconds of one test (default: 1500, times SLOW where the kernel is slow); VM_MODE,
# smp or icount, overrides the tests' own choice; VM_MEMORY is the VM's memory in megabytes, VM_NETWORK boot.sh's -n; VM_ENVIRONMENT names the
# variables that are passed to tests; VM_NOTES=1 prints the notes of passing tests, too; the guest has the directory
# PROGRAMS as /weft/programs. GCOV names a directory for an archive of gcov's counts (.gcda) of each test, if module
# and kernel support gcov. LEAKS names the tests that kmemleak checks, where the kernel has it: a scan takes as long
# as all the rest.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/host.sh"

KIND=${KIND:-weft}
# Tests that create each kind of object, and long-running tests.
watched="basic packets link lifecycle netns rotate events endpoints faults reasons"
watched+=" debug/failslab debug/churn debug/soak debug/fuzz_packets debug/fuzz_netlink debug/fuzz_both"
LEAKS=${LEAKS-$watched}
boot_options=()
failures=0

# Lines are written whole, which is atomic on a pipe.
result() { # result VERDICT TEST CASE
	[ "$1" = ok ] || failures=$((failures + 1))
	printf '%s - %s %s: %s\n' "$1" "$series" "$2" "$3"
}

# Every line names its test: lines of two machines may be interleaved.
prefixed() { # prefixed WORDS
	local line

	while IFS= read -r line; do
		printf '# %s %s: %s\n' "$series" "$1" "$line"
	done
}

show_output() { # show_output TEST
	prefixed "$1" <"$work/output"
}

# The merger adds numbers and the plan.
test_line() { # test_line TEST LINE
	case $2 in
	"ok "*|"not ok "*)
		printf '%s\n' "$2" >>"$work/output"
		if [[ $2 =~ ^(ok|not\ ok)\ [0-9]+\ -\ (.*)$ ]]; then
			result "${BASH_REMATCH[1]}" "$1" "${BASH_REMATCH[2]}"
			cases=$((cases + 1))
			[ "${BASH_REMATCH[1]}" = ok ] || case_failures=$((case_failures + 1))
		fi
		;;
	"1..0 # SKIP"*)
		result ok "$1" "all of it # SKIP ${2#*SKIP }"
		skipped=1
		;;
	"1.."*)
		plan=${2#1..}
		;;
	*)
		printf '%s\n' "$2" >>"$work/output"
		[ -z "${VM_NOTES-}" ] || [[ $2 != "# "* ]] || printf '%s\n' "${2#\# }" | prefixed "$1"
		;;
	esac
}

# Hundredths of a CPU second that a process and its descendants have used, with those that have ended. The machine of a test
# that waits costs nothing, and other work beside it counts little.
cpu_of() { # cpu_of PID
	cat /proc/[0-9]*/stat 2>/dev/null | sed 's/(.*)/-/' | awk -v top="$1" '
		{ parent[$1] = $4; used[$1] = $14 + $15 + $16 + $17 }
		END { for (pid in used) { for (at = pid; at > 1 && at != top; at = parent[at]); if (at == top) sum += used[pid] }
			print sum + 0 }'
}

# Checks that the test ended with the plan and status that it announced.
end_test() { # end_test TEST STATUS MILLISECONDS
	if [ -n "$skipped" ] && [ "$2" = 4 ]; then
		:
	elif [ "$2" = 124 ] || [ "$2" = 137 ]; then
		result "not ok" "$1" "ended in time"
		case_failures=$((case_failures + 1))
	elif [ "$plan" != "$cases" ]; then
		result "not ok" "$1" "ran the cases it planned (planned '$plan', ran $cases, status $2)"
		case_failures=$((case_failures + 1))
	elif [ "$2" != 0 ] && [ $case_failures = 0 ]; then
		result "not ok" "$1" "ended with status $2"
		case_failures=$((case_failures + 1))
	fi
	[ $case_failures = 0 ] || show_output "$1"
	cpu=$(($(cpu_of "$machine_pid") - cpu))
	printf '# %s %s: %d.%03d guest seconds, %d on the wall, %d of CPU\n' "$series" "$1" $(($3 / 1000)) $(($3 % 1000)) \
		$((SECONDS - started)) $((cpu / 100))
}

check_line() { # check_line TEST LINE: "OK what" or "BAD what"; good ones are printed only after a failure
	case $2 in
	"BAD "*)
		result "not ok" "$1" "${2#BAD }"
		case_failures=$((case_failures + 1))
		;;
	"OK the module unloads")
		result ok "$1" "${2#OK }"
		;;
	esac
}

begin_test() {
	current=$1 cases=0 case_failures=0 plan='' skipped='' started=$SECONDS cpu=$(cpu_of "$machine_pid")
	: >"$work/output"
}

guest_line() {
	case $1 in
	"start "*)
		begin_test "${1#start }"
		;;
	"| "*)
		test_line "$current" "${1#| }"
		;;
	"check "*)
		check_line "$current" "${1#check }"
		;;
	"gcov ")
		base64 -d <"$work/gcov" >"$GCOV/$series.${current//\//-}.tar.gz"
		rm -f "$work/gcov"
		;;
	"gcov "*)
		printf '%s\n' "${1#gcov }" >>"$work/gcov"
		;;
	"end "*)
		# shellcheck disable=SC2086 # three words
		end_test ${1#end }
		finished[$current]=1
		current=''
		;;
	*)
		printf '# %s: %s\n' "$series" "$1"
		;;
	esac
}

# Kills the VM when no line arrives within the limit, or a test takes longer.
follow_guest() { # follow_guest DESCRIPTOR PID
	local line status begun=''

	started=$SECONDS
	while true; do
		IFS= read -r -t 5 -u "$1" line
		status=$?
		# A line may arrive in two pieces, with the timeout in between.
		begun+=$line
		if [ $status = 0 ]; then
			guest_line "$begun"
			begun=''
		elif [ $status -le 128 ]; then
			break
		fi
		if [ $((SECONDS - started)) -gt "$WALL_LIMIT" ]; then
			timed_out=1
			kill -TERM "$2" 2>/dev/null
			break
		fi
	done
}

# The VM crashed, or was killed, during a test.
guest_died() {
	local why="the machine survives it"

	[ -z "$timed_out" ] || why="takes at most $WALL_LIMIT seconds on the wall clock"
	show_output "$current"
	result "not ok" "$current" "$why"
	tail -n 500 "$work/console" | tr -d '\r' | prefixed "$current: console"
	finished[$current]=1
}

boot_once() { # boot_once MACHINE TEST...
	local machine=$1 fd machine_pid status

	shift
	current='' timed_out=''
	: >"$work/console"
	exec {fd}< <(exec "$here/boot.sh" -m "${machine%%:*}" -a "${machine#*:}" -t $((WALL_LIMIT * 6)) -l "$work/console" \
		-e KIND="$KIND" "${boot_options[@]}" "$series" "exec bash selftests/run/vm/guest.sh $*" 2>"$work/boot-errors")
	machine_pid=$!
	follow_guest "$fd" "$machine_pid"
	exec {fd}<&-
	wait "$machine_pid"
	status=$?
	if [ -n "$current" ]; then
		guest_died
		return 0
	fi
	[ $status = 0 ] || { prefixed boot <"$work/boot-errors"; return 1; }
}

remaining() {
	local name

	for name; do
		[ -n "${finished[$name]-}" ] || printf '%s ' "$name"
	done
}

# Debian packages whose programs a test needs beside those of the image.
packages_of() { # packages_of TEST...
	local name

	for name; do
		sed -n 's/^# packages: //p' "$(test_file "$name")"
	done | tr ' ' '\n' | sort -u
}

run_machine() { # run_machine MACHINE TEST...
	local machine=$1 left name booted=1

	shift
	VM_PACKAGES=$(packages_of "$@")
	export VM_PACKAGES
	left=$(remaining "$@")
	while [ -n "$left" ] && [ $booted = 1 ]; do
		# shellcheck disable=SC2086 # a list
		boot_once "$machine" $left || booted=0
		[ "$left" != "$(remaining "$@")" ] || booted=0
		left=$(remaining "$@")
	done
	[ -z "$left" ] || tail -n 200 "$work/console" | tr -d '\r' | prefixed "boot: console"
	for name in $left; do
		result "not ok" "$name" "has a machine to run on"
	done
}

# Some tests need a feature that Linux as a program lacks.
lacks() { # lacks TEST: prints the missing feature
	! is_uml "$series" || sed -n 's/^# not on uml: //p' "$(test_file "$1")"
}

leave_out() { # leave_out TEST...: sets tests to those that can be run
	local name why

	tests=()
	for name; do
		why=$(lacks "$name")
		if [ -n "$why" ]; then
			result ok "$name" "all of it # SKIP not on Linux as a program: $why"
		else
			tests+=("$name")
		fi
	done
}

# With counted time waiting costs nothing, and computing much: on a debug kernel, which computes more, only tests with
# long waits use it.
mode_of() { # mode_of TEST
	local wanted

	wanted=${VM_MODE:-$(sed -n 's/^# vm: //p' "$(test_file "$1")")}
	if [ -z "$wanted" ] && is_debug "$series"; then
		wanted=smp
	fi
	echo "${wanted:-icount}"
}

# On Linux as a program kmemleak does not find planted leaks.
leaks_of() { # leaks_of TEST
	[[ $series == *-kasan ]] || return 0
	if is_uml "$series" || [[ " $LEAKS " != *" $1 "* ]]; then echo kmemleak=off; fi
}

# The arguments that a test adds to the kernel's command line. slab_debug= is removed for Linux as a program, where
# boot.sh leaves the tracking of slab objects to KASAN.
arguments_of() { # arguments_of TEST
	local words

	words=$(sed -n 's/^# kernel: //p' "$(test_file "$1")")
	! is_uml "$series" || words=$(sed 's/slab_debug=[^ ]*//' <<<"$words")
	echo "$words"
}

# The VM's mode, and after a colon the kernel's arguments.
machine_of() { # machine_of TEST
	echo "$(mode_of "$1"):$(leaks_of "$1") $(arguments_of "$1")"
}

machines_of() { # machines_of TEST...: in the order in which they are run
	local name

	for name; do
		machine_of "$name"
	done | sort -u
}

tests_of_machine() { # tests_of_machine MACHINE TEST...
	local machine=$1 name

	shift
	for name; do
		[ "$(machine_of "$name")" != "$machine" ] || printf '%s ' "$name"
	done
}

# Tests in debug/ have programs of their own.
build_programs() { # build_programs TEST...
	[[ " $*" == *" debug/"* ]] || return 0
	make -s -C "$weft_top/selftests/debug" OUT="$work/programs" >&2 || die "the programs of selftests/debug do not build"
	boot_options+=(-d "$work/programs")
}

main() {
	local machine list machines tests name
	declare -gA finished

	if [ "${1-}" = -k ]; then
		boot_options+=(-k "$2")
		shift 2
	fi
	for name in ${VM_ENVIRONMENT-}; do
		boot_options+=(-e "$name=${!name-}")
	done
	[ -z "${GCOV-}" ] || boot_options+=(-e GCOV=1)
	[ -z "${VM_NETWORK-}" ] || boot_options+=(-n "$VM_NETWORK")
	[ -z "${VM_MEMORY-}" ] || boot_options+=(-M "$VM_MEMORY")
	[ -z "${PROGRAMS-}" ] || boot_options+=(-d "$PROGRAMS")
	[ $# -ge 2 ] || die "expected a kernel series and tests"
	[ "$KIND" = wireguard ] || [ -x "${WEFT_TOOL:-$weft_top/tools/weft}" ] || die "there is no tools/weft yet: run make tools"
	series=$1
	shift
	WALL_LIMIT=${WALL_LIMIT:-$((1500 * $(slowness "$series")))}
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	leave_out "$@"
	build_programs "${tests[@]}"
	mapfile -t machines < <(machines_of "${tests[@]}")
	for machine in "${machines[@]}"; do
		list=$(tests_of_machine "$machine" "${tests[@]}")
		# shellcheck disable=SC2086 # a list
		run_machine "$machine" $list
	done
	[ $failures = 0 ]
}

main "$@"
