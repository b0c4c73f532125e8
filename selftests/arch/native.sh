#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests of the command for which QEMU's emulation of one process lacks something (unit.sh), in a machine with the kernel
# of their architecture. selftests/arch/check.sh puts the programs into the folder of boot.sh -d. A case is a program.
. "$(dirname "$0")/../kselftest/lib.sh"

programs=$test_dir/../../programs

passes() { # passes PROGRAM
	local output=$lib_work/output status=0

	(cd "$test_dir/../tools" && "$1") >"$output" 2>&1 </dev/null || status=$?
	[ $status = 0 ] || tail -n 100 "$output"
	expect_eq "status" "$status" 0
	# Children of a test print cases of their own, beyond its plan.
	expect_ge "cases that have passed" "$(grep -c '^ok ' "$output")" "$(sed -n 's/^1\.\.//p' "$output")"
	note "$(grep -c '^ok ' "$output") cases"
}

# fleet_agent gives up its privileges for those of this user.
grep -q '^daemon:' /etc/passwd || echo 'daemon:x:1:1::/:/bin/false' >>/etc/passwd
[ -d "$programs" ] || skip "programs of another architecture's unit.sh: make check-arch"
for file in "$programs"/test_*; do
	run_case "${file##*/test_}" passes "$file"
done
