#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two machines of different architectures, whose wire is a pair of sockets of this one (arch/cross.sh). The near one's cases
# are the test; the far one's kernel, amd64's 6.12, has nothing to complain about either. Lines as run.sh prints them.
#
#   two.sh SERIES WEFT_KO       the near machine's kernel and its module; BRIEF=1 leaves out all but the first packets
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"
# shellcheck source=selftests/run/tap.sh
. "$(dirname "$0")/../run/tap.sh"

wire() { # wire NEAR FAR: the network card of the machine whose socket is NEAR
	echo "dgram,local.type=unix,local.path=$1,remote.type=unix,remote.path=$2"
}

machine() { # machine ROLE SERIES MODULE NETWORK
	ROLE=$1 VM_NETWORK=$4 with_verdict "$2 run" "$weft_top/selftests/run/vm/run.sh" -k "$3" "$2" arch/cross
}

main() {
	local module near=$work/near far=$work/far

	if ! module=$("$weft_top/selftests/run/vm/module.sh" 6.12 2>"$work/log"); then
		echo "not ok - 6.12 build: weft.ko"
		tail -n 40 "$work/log" | sed 's/^/# 6.12 build: /'
		return 1
	fi
	machine far 6.12 "$module" "$(wire "$far" "$near")" >"$work/far.output" &
	machine near "$1" "$2" "$(wire "$near" "$far")"
	wait $!
	sed 's/ 6\.12 arch/ 6.12 far arch/' "$work/far.output"
}

[ $# = 2 ] || die "expected a kernel series and its module"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VM_ENVIRONMENT="ROLE BRIEF" BRIEF=${BRIEF-}
main "$@"
