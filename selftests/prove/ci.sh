#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests the exit status of .ci/run and its reruns, with a fake make that prints a given plan. TAP.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=selftests/run/tap.sh
. selftests/run/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"

# The fake make prints the file named after its target, with ".alone" appended for a rerun of one test; without a file
# the target passes.
cat >"$work/bin/make" <<'MAKE'
#!/bin/bash
file=$PLANS/$1
[[ " $* " != *" KERNELS=6.12 "* && " $* " != *" TESTS=stall "* ]] || file+=.alone
echo "$*" >>"$PLANS/calls"
[ -e "$file" ] || { [ "$1" = lint ] || echo "2 passed, 0 failed, 1 skipped"; exit 0; }
cat "$file"
! grep -qE '^not ok|^broken' "$file"
MAKE
chmod +x "$work/bin/make"

begin() {
	rm -rf "$work/plans"
	mkdir "$work/plans"
}

plan() { # plan TARGET LINE...
	printf '%s\n' "${@:2}" >"$work/plans/$1"
}

# Two groups of tests, so that the number of targets does not depend on how many there are.
kasan="basic stall;port"

# Each test that can run under KASAN is in exactly one group, in any order of groups, and each skipped group is named.
all_under_kasan() {
	local kasan='' verdict=ok missing

	begin
	run
	missing=$(comm -23 <(grep -l '^\. .*/lib\.sh"$' selftests/kselftest/*.sh | sed 's,.*/,,; s/\.sh$//' | sort) \
		<(sed -n 's/^check-debug .*TESTS=//p' "$work/plans/calls" | tr ' ' '\n' | sort))
	[ -z "$missing" ] || { verdict="not ok"; echo "# not under KASAN: $missing"; }
	[ "$status" = 0 ] || verdict="not ok"
	echo "$verdict - under KASAN all tests are run"
	verdict=ok
	begin
	KASAN_LIMIT=0 run
	! grep -q '^check-debug' "$work/plans/calls" && grep -q '^# no time left for: make check-debug .*kunit' "$work/output" ||
		verdict="not ok"
	echo "$verdict - under KASAN each group without time left is named"
}

# Each architecture has its turn, and is named where there is no time for it; more is needed with an empty cache.
other_architectures() {
	local arch verdict=ok

	for arch in arm64 s390x; do
		begin
		ARCHES=$arch run
		grep -qxF "check-arch ARCH=$arch TESTS=basic netlink uapi" "$work/plans/calls" || verdict="not ok"
	done
	echo "$verdict - the chosen architecture is tested"
	verdict=ok
	begin
	KASAN_LIMIT=400 ARCHES=arm64 XDG_CACHE_HOME=$work/empty run
	! grep -q '^check-arch' "$work/plans/calls" && [ "$status" = 0 ] &&
		grep -q '^# no time left for: make check-arch ARCH=arm64 .* 720 seconds here$' "$work/output" || verdict="not ok"
	echo "$verdict - an architecture without time left is named"
}

# Runs .ci/run; sets status, and last, its last line.
run() {
	PATH=$work/bin:$PATH PLANS=$work/plans KASAN=$kasan .ci/run >"$work/output" 2>&1
	status=$?
	last=$(tail -n 1 "$work/output")
}

ends_with() { # ends_with STATUS LINE WORDS...: the output contains each of WORDS
	local word verdict="ok"

	[ "$status" = "$1" ] && [ "$last" = "$2" ] || verdict="not ok"
	for word in "${@:3}"; do
		grep -qF -- "$word" "$work/output" || { verdict="not ok"; echo "# no '$word' in:"; }
	done
	[ "$verdict" = ok ] || { echo "# status $status"; sed 's/^/# /' "$work/output"; }
	echo "$verdict - $name"
}

# Nine targets print a sum; a target with a plan prints the plan's sum in place of 2, 0 and 1.
cases() {
	name="all is well"
	begin
	run
	ends_with 0 "18 passed, 0 failed, 9 skipped"

	name="a lint that fails"
	begin
	plan lint "broken: a line"
	run
	ends_with 1 "18 passed, 0 failed, 9 skipped" "# failed: make lint" "broken: a line"

	name="a unit test that fails is not run again"
	begin
	plan check "not ok 1 - unit: fsm" "3 passed, 1 failed, 0 skipped"
	plan check.alone "3 passed, 0 failed, 0 skipped"
	run
	ends_with 1 "19 passed, 1 failed, 8 skipped" "not ok 1 - unit: fsm"

	name="a machine's test that passes alone"
	begin
	plan check "# 6.12 batch: the reason" "not ok 7 - 6.12 batch: late" "3 passed, 1 failed, 0 skipped"
	plan check.alone "3 passed, 0 failed, 0 skipped"
	run
	ends_with 0 "20 passed, 0 failed, 8 skipped" "# 6.12 batch: the reason" "make check TESTS=batch KERNELS=6.12" \
		"# failed beside others, passed alone: make check TESTS=batch KERNELS=6.12"

	name="a machine's test that fails again"
	begin
	plan check "not ok 7 - 6.12 batch: late" "3 passed, 1 failed, 0 skipped"
	plan check.alone "not ok 7 - 6.12 batch: late" "2 passed, 1 failed, 0 skipped"
	run
	ends_with 1 "19 passed, 1 failed, 8 skipped"

	name="a test under KASAN that passes alone"
	begin
	plan check-debug "# uml-kasan debug/stall: the reason" "not ok 7 - uml-kasan debug/stall: late" "3 passed, 1 failed, 0 skipped"
	plan check-debug.alone "3 passed, 0 failed, 0 skipped"
	run
	ends_with 0 "22 passed, 0 failed, 7 skipped" "# uml-kasan debug/stall: the reason" \
		"# failed beside others, passed alone: make check-debug DEBUG=uml-kasan TESTS=stall"

	name="a complaint of KASAN's is not forgiven"
	begin
	plan check-debug "not ok 7 - uml-kasan stall: the kernel has nothing to complain about" "3 passed, 1 failed, 0 skipped"
	plan check-debug.alone "3 passed, 0 failed, 0 skipped"
	run
	ends_with 1 "20 passed, 2 failed, 7 skipped"

	name="a unit test under KASAN is not run again"
	begin
	plan check-debug "not ok 7 - uml-kasan debug/kunit: crypt: pieces" "3 passed, 1 failed, 0 skipped"
	plan check-debug.alone "3 passed, 0 failed, 0 skipped"
	run
	ends_with 1 "20 passed, 2 failed, 7 skipped"

	name="a complaint of the kernel's is not forgiven"
	begin
	plan check "not ok 7 - 6.12 batch: late" "not ok 8 - 6.12 batch: the kernel has nothing to complain about" \
		"3 passed, 2 failed, 0 skipped"
	plan check.alone "3 passed, 0 failed, 0 skipped"
	run
	ends_with 1 "19 passed, 2 failed, 8 skipped"

	name="a machine that ended is not forgiven"
	begin
	plan check "not ok 7 - 6.12 batch: the machine survives it" "3 passed, 1 failed, 0 skipped"
	plan check.alone "3 passed, 0 failed, 0 skipped"
	run
	ends_with 1 "19 passed, 1 failed, 8 skipped"

	name="too many that fail are not run again"
	begin
	plan check "not ok 1 - 6.12 batch: a" "not ok 2 - 6.12 link: a" "not ok 3 - 6.12 port: a" "not ok 4 - 6.12 scale: a" \
		"0 passed, 4 failed, 0 skipped"
	plan check.alone "3 passed, 0 failed, 0 skipped"
	run
	ends_with 1 "16 passed, 4 failed, 8 skipped"

	name="a module that does not build is not run again"
	begin
	plan check "not ok 1 - 6.12 build: weft.ko" "0 passed, 1 failed, 0 skipped"
	plan check.alone "3 passed, 0 failed, 0 skipped"
	run
	ends_with 1 "16 passed, 1 failed, 8 skipped"

	name="a target that ends without a failed test"
	begin
	plan check-compat "broken: no machine"
	run
	ends_with 1 "16 passed, 0 failed, 8 skipped" "broken: no machine"

	all_under_kasan
	other_architectures
}

echo "TAP version 13"
cases | merge
