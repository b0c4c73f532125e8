#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Proves that a fault of byte order fails arch/cross: a module for a big-endian machine is built with planted/host_order.h.
# Tunnels between two ends with that module work, as `basic` shows, and no tunnel to another architecture does. TAP.
#
#   cross.sh [SERIES]
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

series=${1:-6.1-s390x}
number=0
failed=0

report() { # report STATUS WORDS
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=$((failed + 1))
	fi
}

wanted() { # wanted VERDICT CASE
	grep -qxF -- "$1 - $series $2" "$work/output"
	report $? "sees of $2: $1"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "TAP version 13"
module=$("$weft_top/selftests/run/vm/module.sh" "$series" planted \
	KCFLAGS="-include $weft_top/selftests/prove/planted/host_order.h" 2>"$work/log") ||
	{ tail -n 20 "$work/log"; die "the module with the planted fault does not build"; }
"$weft_top/selftests/run/vm/run.sh" -k "$module" "$series" basic >"$work/output"
report $? "two ends with the fault agree"
wanted ok "basic: ping over v4"
[ $failed = 0 ] || sed 's/^/# /' "$work/output"
BRIEF=1 bash "$weft_top/selftests/arch/two.sh" "$series" "$module" >"$work/output"
for name in "wireguard: weft begins" "wireguard: it begins" "weft: weft begins" "weft: it begins"; do
	wanted "not ok" "arch/cross: $name"
done
# The machines themselves are well.
wanted ok "arch/cross: everything created is gone"
grep -qxF "ok - 6.12 far arch/cross: does what the other machine says" "$work/output"
report $? "the other machine does what it is told"
echo "1..$number"
[ $failed = 0 ] || sed 's/^/# /' "$work/output"
[ $failed = 0 ]
