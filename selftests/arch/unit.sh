#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests in userspace, of kmod/lib and of the command, compiled for another architecture and run by QEMU's emulation of one
# process: neither a kernel of that architecture nor a change of this machine is needed. TAP. Sanitizers are left to the
# native run. The shell scripts of selftests/tools call programs of their own, and run natively only.
#
#   unit.sh ARCH [TEST...]              TEST: unit/fsm, tools/config; default: all
#   unit.sh -m FOLDER ARCH [TEST...]    builds those that this emulation cannot run, into FOLDER, for a machine (native.sh)
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"
# shellcheck source=selftests/run/vm/arch.sh
. "$(dirname "$0")/../run/vm/arch.sh"

# The longest of them takes a minute.
limit=600

# QEMU's emulation has no SO_NETNS_COOKIE, which names an interface's lock.
lacks() { # lacks TEST: prints what it lacks here
	local file=$weft_top/selftests/${1%/*}/test_${1#*/}.c

	if grep -qw runtime "$file"; then
		echo "no SO_NETNS_COOKIE in QEMU's emulation of a process"
	elif grep -q ptrace "$file"; then
		echo "no ptrace() in QEMU's emulation of a process"
	elif grep -q CLONE_NEWUSER "$file"; then
		echo "no namespaces of users in QEMU's emulation of a process"
	elif [ "$1 $arch" = "tools/lookup i386" ]; then
		echo "threads and signals crash QEMU's emulation of a process of i386"
	elif [ "$1" = tools/program ]; then
		echo "posix_spawn() reports no error in QEMU's emulation of a process"
	fi
}

# Sets tests to those that can be run, and others to those that a machine can run.
leave_out() { # leave_out TEST...
	local name why

	tests=() others=()
	for name; do
		why=$(lacks "$name")
		if [ -z "$why" ]; then
			tests+=("$name")
		else
			others+=("$name")
			[ -n "$machine" ] || echo "ok 0 - $name: all of it # SKIP $why: native has it"
		fi
	done
}

names() {
	local file

	for file in "$weft_top"/selftests/{unit,tools}/test_*.c; do
		file=${file#"$weft_top"/selftests/}
		file=${file/test_/}
		echo "${file%.c}"
	done
}

make_tests() { # make_tests FOLDER NAME...
	local folder=$1

	shift
	make -s -C "$weft_top/selftests/$folder" -j "$(nproc)" O="$directory/$folder" SANITIZE= CC="$CC" \
		AR="$triple-ar" OBJCOPY="$triple-objcopy" TESTS="$*" "${@/#/$directory/$folder/test_}"
}

# The programs of one folder among the chosen ones are built together.
build() {
	local folder name list

	for folder in unit tools; do
		list=()
		for name in "${tests[@]}"; do
			[[ $name != "$folder"/* ]] || list+=("${name#*/}")
		done
		[ ${#list[@]} = 0 ] || make_tests "$folder" "${list[@]}" || return
	done
}

# A case's line gets the name of its test. A test that ends early has no line for what it did not reach.
run() { # run TEST
	local name=$1 status=0 planned ran

	(cd "$weft_top/selftests/${name%/*}" && timeout $limit "$runner" -L "$root" "$directory/${name%/*}/test_${name#*/}") \
		>"$directory/output" 2>&1 </dev/null || status=$?
	if [ $status = 4 ]; then
		echo "ok 0 - $name: all of it # SKIP $(sed -n 's/^1\.\.0 # SKIP //p' "$directory/output")"
		return
	fi
	sed -n -E "s,^((not )?ok [0-9]+) -? ?(.*)$,\1 - $name: \3,p" "$directory/output"
	planned=$(sed -n 's/^1\.\.//p' "$directory/output")
	ran=$(grep -cE '^(not )?ok ' "$directory/output")
	if [ $status != 0 ] || [ "$planned" != "$ran" ] || [ "$ran" = 0 ]; then
		echo "not ok 0 - $name: ended with status $status, ${ran:-0} of ${planned:-no} cases"
		grep -v '^ok ' "$directory/output" | tail -n 40 | sed 's/^/# /'
		failed=1
	fi
}

main() {
	local name machine=''

	[ "${1-}" != -m ] || { machine=$2; shift 2; }
	arch=${1:?an architecture is needed}
	arch_settings "$arch"
	use_sysroot "$1"
	runner=$(user_emulator "$1") || exit 1
	directory=$cache/build/$(echo "$weft_top" | sha256sum | cut -c 1-8)/unit-$1
	shift
	tests=("$@")
	[ $# != 0 ] || mapfile -t tests < <(names)
	failed=0
	mkdir -p "$directory"
	[ -n "$machine" ] || echo "TAP version 13"
	leave_out "${tests[@]}"
	[ -z "$machine" ] || tests=("${others[@]}")
	build >&2 || die "the tests do not build"
	[ -z "$machine" ] || { install -D -t "$machine" "${tests[@]/#tools\//$directory/tools/test_}"; return; }
	for name in "${tests[@]}"; do
		run "$name"
	done
	[ $failed = 0 ]
}

main "$@"
