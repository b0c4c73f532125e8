#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make interop: weft with in-tree wireguard of each kernel and with wireguard-go, Debian's and the newest, feature by
# feature (../kselftest/interop.sh), and Wireshark's decoding of the traffic (dissect.sh). TAP.
#
#   run.sh run          KERNELS: series (default: 6.1 6.12 newest)
#   run.sh document     puts the last results into Documentation/networking/weft-test-results.rst
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"
cd "$weft_top" || exit 1

results=$cache/interop

# Without a connection to Debian unstable it is left out.
newest_wireguard_go() {
	PROGRAMS=$results/programs
	mkdir -p "$PROGRAMS"
	fetch_newest_go "$PROGRAMS/wireguard-go-new" || { say "no newer wireguard-go"; rm -f "$PROGRAMS/wireguard-go-new"; }
	export PROGRAMS
}

go_version() { # go_version KIND PROGRAM
	[ ! -x "$(command -v "$2")" ] || "$2" --version | sed -n "s/^wireguard-go v*/$1 /p"
}

run_all() {
	local status=0

	mkdir -p "$results"
	newest_wireguard_go
	{ go_version wireguard-go wireguard-go; go_version wireguard-go-new "$PROGRAMS/wireguard-go-new"; } >"$results/versions"
	TESTS=interop KERNELS=${KERNELS:-6.1 6.12 newest} bash selftests/run/check.sh | tee "$results/log.new" || status=1
	mv "$results/log.new" "$results/log"
	bash selftests/interop/dissect.sh || status=1
	return $status
}

case ${1-} in
run)
	run_all
	;;
document)
	[ -s "$results/log" ] || die "there are no results yet: make interop"
	python3 selftests/interop/document.py "$results/log" "$results/versions" Documentation/networking/weft-test-results.rst
	;;
*)
	die "'${1-}' is no command; expected run or document"
	;;
esac
