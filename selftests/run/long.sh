#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests that take too long for make check. As TAP, with lines "# ... figure ..." for measured values.
#
#   long.sh flood    a tunnel under a flood; a second one, of the in-tree driver, may fail
#   long.sh soak     many tunnels for a long time
#   long.sh hundred  a fleet of a hundred nodes
#   long.sh agents   a hundred agents with an etcd
#   long.sh spokes   a thousand spokes at one hub
#
#   KERNELS          the series (default: 6.12 for a flood, 6.12-kasan for a soak, uml for the others)
#   KIND             the kinds of the flooded tunnel (default: weft wireguard)
#   FLOODS           names of floods (default: all)
#   SOAK_MINUTES     of guest time (default 60); SOAK_PEERS (default 50)
#   NODES            of the fleet (default 100); WATCHERS of etcd (100); SPOKES (1000)
#   VM_MODE          smp: two CPUs in real time, in place of one CPU with counted time, or, of Linux as a program,
#                    with skipped idle time
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/vm/host.sh"
# shellcheck source=selftests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$weft_top" || exit 1

run() { # run SERIES TEST
	local module

	if module=$(selftests/run/vm/module.sh "$1" long 2>"$log"); then
		with_verdict "$1 run" selftests/run/vm/run.sh -k "$module" "$1" "$2"
	else
		echo "not ok - $1 build: weft.ko"
		sed 's/^/# /' "$log"
	fi
}

flood() {
	local series

	for series in ${KERNELS:-6.12}; do
		for KIND in ${kinds:-weft wireguard}; do
			run "$series" debug/flood
		done
	done
}

soak() {
	local series

	for series in ${KERNELS:-6.12-kasan}; do
		KIND=weft run "$series" debug/soak
	done
}

fleet_test() { # fleet_test TEST
	local series

	for series in ${KERNELS:-uml}; do
		KIND=weft run "$series" "debug/$1"
	done
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
kinds=${KIND-}
export KIND WALL_LIMIT=${WALL_LIMIT:-7200} VM_ENVIRONMENT="FLOODS SOAK_MINUTES SOAK_PEERS NODES WATCHERS SPOKES" VM_NOTES=1
make -s -C tools >&2 || exit 1
case ${1-} in
flood|soak)
	{ echo "TAP version 13"; "$1"; } | merge
	;;
hundred|agents|spokes)
	[ "$1" = hundred ] || export VM_MEMORY=${VM_MEMORY:-6000}
	{ echo "TAP version 13"; fleet_test "$1"; } | merge
	;;
*)
	die "'${1-}' is no such test; expected flood, soak, hundred, agents or spokes"
	;;
esac
