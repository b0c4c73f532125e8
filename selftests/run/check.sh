#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make check: all tests, as one stream of TAP, with the sum as the last line.
#
#   TESTS     names of tests (default: all). In userspace: unit, tools; of the build, the harness and the bench
#             themselves: harness, kselftest, ci, bars; in VMs: every script of kselftest/ that sources lib.sh, and
#             "vm" is all of those. For debug kernels: debug-kernels, and the tests in debug/
#   KERNELS   series, on each of which every test runs; "newest" is the newest in Debian unstable. By default a test runs
#             on those that its head names ("# series: 6.12 uml"), or on 6.1 and 6.12; on uml only if that is built
#   KIND      weft, or wireguard: the VM tests against the in-tree module, to prove the tests themselves; or weft-compat:
#             the same tests, driven by wg, against weft in the in-tree module's place
#   SANITIZE  1: the command in the VMs is one that was built with ASan and UBSan
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/vm/host.sh"
# shellcheck source=selftests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$weft_top" || exit 1

all_series="uml 6.1 6.12"
KERNELS=${KERNELS-}
KERNEL_RELEASES=${KERNEL_RELEASES-}
KIND=${KIND:-weft}
export KIND
userspace_tests="unit tools"
own_tests="harness kselftest ci bars"
debug_own_tests="debug-kernels"

vm_tests() {
	local name

	for name in $(grep -l '^\. .*/lib\.sh"$' selftests/kselftest/*.sh); do
		basename "$name" .sh
	done
}

# Tests that need a debug kernel, or take long.
debug_tests() {
	local name

	for name in $(grep -l '^\. .*/lib\.sh"$' selftests/debug/*.sh); do
		basename "$name" .sh
	done
}

build_module() { # build_module SERIES: sets module
	local log

	module=''
	[ "$KIND" != wireguard ] || return 0
	log=$(mktemp)
	if module=$(selftests/run/vm/module.sh "$1" 2>"$log"); then
		echo "ok - $1 build: weft.ko"
	else
		echo "not ok - $1 build: weft.ko"
		tail -n 40 "$log" | sed "s/^/# $1 build: /"
		module=failed
	fi
	rm -f "$log"
}

# Tests whose head names the series in its line "# series:".
tests_for() { # tests_for SERIES TEST...
	local series=$1 name wanted

	shift
	for name; do
		wanted=$(sed -n 's/^# series: //p' "$(test_file "$name")")
		[ -z "$everywhere" ] || wanted=$series
		! among "$series" "${wanted:-6.1 6.12}" || printf '%s ' "$name"
	done
}

# Building Linux as a program takes ten minutes. Without a build its tests are skipped, unless KERNELS= names them.
is_there() { # is_there SERIES TEST...
	local name

	[ -z "$everywhere" ] && is_uml "$1" && ! selftests/run/vm/uml.sh built "$1" || return 0
	for name in "${@:2}"; do
		echo "ok - $1 $name: all of it # SKIP not built here: make kernel KERNELS=$1"
	done
	return 1
}

run_series() { # run_series TEST...
	# shellcheck disable=SC2086 # an option or nothing
	with_verdict "$series run" selftests/run/vm/run.sh ${module:+-k "$module"} "$series" "$@"
}

# One VM per kernel at a time, the kernels in parallel: each VM keeps one CPU busy, and a VM with two CPUs not much more.
# Linux as a program has both CPUs for itself.
run_vms() { # run_vms TEST...
	local series tests pids=()

	for series in $KERNELS; do
		read -ra tests < <(tests_for "$series" "$@"; echo)
		[ ${#tests[@]} != 0 ] && is_there "$series" "${tests[@]}" || continue
		build_module "$series"
		[ "$module" != failed ] || continue
		if is_uml "$series"; then
			run_series "${tests[@]}"
		else
			run_series "${tests[@]}" &
			pids+=($!)
		fi
	done
	[ ${#pids[@]} = 0 ] || wait "${pids[@]}"
}

# The build with sanitizers is shared with the command's own tests.
make_tools() {
	make -s -C tools -j "$(nproc)" &&
		{ [ -z "${WEFT_TOOL-}" ] || make -s -C selftests/tools -j "$(nproc)" build/weft; }
}

build_tools() {
	local log

	log=$(mktemp)
	if make_tools >"$log" 2>&1; then
		echo "ok - tools build"
	else
		echo "not ok - tools build"
		tail -n 40 "$log" | sed 's/^/# tools build: /'
	fi
	rm -f "$log"
}

own_suites() {
	local name

	for name in $chosen; do
		case $name in
		unit)
			suite unit make -s -C selftests/unit check
			;;
		tools)
			suite tools make -s -C tools check
			;;
		harness|kselftest|ci)
			suite "$name" bash "selftests/prove/$name.sh"
			;;
		bars)
			suite bars make -s -C selftests/bench check
			;;
		debug-kernels)
			# shellcheck disable=SC2086 # a list
			suite debug-kernels bash selftests/prove/debug-kernels.sh $KERNELS
			;;
		esac
	done
}

among() { # among NAME WORDS...
	[[ " ${*:2} " == *" $1 "* ]]
}

choose() { # checks the names in TESTS; sets chosen and chosen_vm
	local all name in_vms in_debug

	chosen='' chosen_vm=''
	in_vms=$(vm_tests | tr '\n' ' ')
	in_debug=$(debug_tests | tr '\n' ' ')
	all="$userspace_tests $own_tests $in_vms"
	for name in ${TESTS:-$all}; do
		if [ "$name" = vm ]; then
			chosen_vm+=$in_vms
		elif among "$name" "$in_vms"; then
			chosen_vm+="$name "
		elif among "$name" "$in_debug"; then
			chosen_vm+="debug/$name "
		elif among "$name" "$userspace_tests" "$own_tests" "$debug_own_tests"; then
			chosen+="$name "
		else
			die "'$name' is no test; there are: $all vm, and for debug kernels: $debug_own_tests $in_debug"
		fi
	done
}

# Results name a kernel by its number.
name_newest() {
	local release

	[[ " $KERNELS " == *" newest "* ]] || return 0
	release=$(selftests/run/vm/kernels.sh release newest) || exit 1
	KERNEL_RELEASES=$release
	release=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$release")
	KERNELS=$(tr -s ' ' '\n' <<<"$KERNELS" | sed "s/^newest$/$release/" | awk '!seen[$0]++' | tr '\n' ' ')
}

# All series are looked up first: an unknown one refreshes Debian's lists, which may change the releases of the
# others.
settle_kernels() {
	local series

	name_newest
	for series in $KERNELS; do
		selftests/run/vm/kernels.sh release "$series" >/dev/null || exit 1
	done
	KERNEL_RELEASES+=" $(for series in $KERNELS; do selftests/run/vm/kernels.sh release "$series"; done | tr '\n' ' ')"
	export KERNEL_RELEASES
}

# Sanitizers' reports go to the folder that guest.sh checks: a test may expect an error without reading its text.
sanitize() {
	export WEFT_TOOL=$weft_top/selftests/tools/build/weft VM_ENVIRONMENT="${VM_ENVIRONMENT-} ASAN_OPTIONS UBSAN_OPTIONS"
	export ASAN_OPTIONS=log_path=/run/sanitized/asan:detect_stack_use_after_return=1:strict_string_checks=1
	export UBSAN_OPTIONS=log_path=/run/sanitized/ubsan:print_stacktrace=1
}

main() {
	[ "${SANITIZE-}" != 1 ] || sanitize
	everywhere=$KERNELS
	KERNELS=${KERNELS:-$all_series}
	choose
	settle_kernels
	# Variables of this make are not passed to the makes that it starts.
	unset TESTS MAKEFLAGS MAKEOVERRIDES MFLAGS
	{
		echo "TAP version 13"
		build_tools
		# shellcheck disable=SC2086 # a list
		[ -z "$chosen_vm" ] || run_vms $chosen_vm &
		# These run beside the VMs, at a lower priority.
		renice -n 10 -p $BASHPID >/dev/null
		own_suites
		wait
	} | merge
}

main
