#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Proves that the debug kernels report each kind of fault: runs planted tests, each with one fault, and checks the verdict
# and the text of the report. TAP.
#
#   debug-kernels.sh [SERIES...]     6.12-kasan, 6.12-kcsan, uml-kasan; others are passed over
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

# Lockdep is disabled after its first report. A KASAN report ends the VM, and leaks are searched after the last test.
kasan_tests=(rcu sleep shift bounds object lock free leak)
uml_tests=(rcu sleep shift bounds object lock free)
kcsan_tests=(rcu sleep race lock)
declare -A reports=(
	[rcu]='suspicious RCU usage'
	[sleep]='sleeping function called from invalid context'
	[shift]='UBSAN: shift-out-of-bounds'
	[bounds]='UBSAN: array-index-out-of-bounds'
	[object]='ODEBUG: free active'
	[leak]='unreferenced object'
	[lock]='possible circular locking dependency'
	[free]='KASAN: slab-use-after-free'
	[race]='KCSAN: data-race in planted_count'
)
complaint="the kernel has nothing to complain about"
declare -A verdicts=([leak]="no memory is leaked" [free]="the machine survives it")
number=0
failed=0

# The verdict as run.sh prints it, and the report in the test's output.
reported() { # reported SERIES TEST
	local verdict=ok

	number=$((number + 1))
	if ! grep -qxF -- "not ok - $1 prove/planted/$2: ${verdicts[$2]:-$complaint}" "$work/output" ||
		! grep -F -- "# $1 prove/planted/$2: " "$work/output" | grep -F -- "${reports[$2]}" >/dev/null; then
		verdict="not ok"
		failed=$((failed + 1))
	fi
	echo "$verdict $number - $1 reports $2: ${reports[$2]}"
	[ "$verdict" = ok ] || grep -F -- " $1 prove/planted/$2: " "$work/output" | sed 's/^/# /'
}

check_kernel() { # check_kernel SERIES TEST...
	local series=$1 module name

	shift
	module=$("$weft_top/selftests/run/vm/module.sh" "$series" 2>"$work/errors") || { cat "$work/errors"; die "no module for $series"; }
	LEAKS="${*/#/prove/planted/}" KIND=weft "$weft_top/selftests/run/vm/run.sh" -k "$module" "$series" "${@/#/prove/planted/}" >"$work/output"
	for name; do
		reported "$series" "$name"
	done
	# Events of a VM, not of a test, are in lines without a test's name.
	[ $failed = 0 ] || grep -v ' prove/planted/' "$work/output" | sed 's/^/# /'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "TAP version 13"
for series in "${@:-6.12-kasan}"; do
	case $series in
	6.12-kasan)
		check_kernel "$series" "${kasan_tests[@]}"
		;;
	uml-kasan)
		check_kernel "$series" "${uml_tests[@]}"
		;;
	6.12-kcsan)
		check_kernel "$series" "${kcsan_tests[@]}"
		;;
	esac
done
echo "1..$number"
[ $failed = 0 ]
