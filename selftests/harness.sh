#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Proves that the harness sees what it must see: runs planted tests and looks for the verdict on each. TAP.
#
#   harness.sh [SERIES]
set -u -o pipefail
# shellcheck source=selftests/vm/host.sh
. "$(dirname "$0")/vm/host.sh"

series=${1:-6.12}
number=0
failed=0

# A verdict as run.sh prints it.
wanted() { # wanted VERDICT TEST CASE
	local line="$1 - $series vm/planted/$2: $3" verdict=ok

	number=$((number + 1))
	grep -qxF -- "$line" "$work/output" || { verdict="not ok"; failed=$((failed + 1)); }
	echo "$verdict $number - sees of $2: $1, ${3/\# SKIP/skipped:}"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "TAP version 13"
KIND=wireguard "$weft_top/selftests/vm/run.sh" "$series" vm/planted/{bad,skip,silent,slow,warn,leave,crash,hold,good} \
	>"$work/output"
status=$?
number=1
if [ $status = 1 ]; then
	echo "ok 1 - the status says that something failed"
else
	echo "not ok 1 - the status says that something failed"
	failed=1
fi
wanted ok good "a case that passes"
wanted ok good "everything created is gone"
wanted ok good "the module unloads"
wanted "not ok" bad "a case that stumbles"
wanted "not ok" bad "a case that disappoints"
wanted ok skip "all of it # SKIP planted"
wanted "not ok" silent "ran the cases it planned (planned '', ran 0, status 0)"
wanted "not ok" slow "ended in time"
wanted "not ok" warn "the kernel has nothing to complain about"
wanted "not ok" leave "no namespace is left"
wanted "not ok" crash "the machine survives it"
wanted "not ok" hold "everything created is gone"
echo "1..$number"
[ $failed = 0 ] || sed 's/^/# /' "$work/output"
[ $failed = 0 ]
