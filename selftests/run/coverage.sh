#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make coverage: which lines and branches of kmod/ the tests reach, by gcov, as a table in
# Documentation/networking/weft-test-results.rst.
#
#   TESTS     names of tests (default: those below, which take hours)
#   KEEP=1    add to the counts of earlier runs of the same build, rather than begin anew
#   MISSED=1  print the lines that were not reached, too
#
# The tests run under the kernel with KASAN, which has gcov, with all its checkers: the run is one of make
# check-debug, too. Branches that UBSAN adds are counted with the others.
set -eu -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/vm/host.sh"
# shellcheck source=selftests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$weft_top"

series=6.12-kasan
default_tests="batch bulk command compat cookies dump endpoints events faults handshake-race lifecycle link malformed names"
default_tests+=" nesting netlink operations pmtu reasons regressions rotate routing rx-parallel scale setconf timers uapi updown"
default_tests+=" xmit-order"
default_tests+=" debug/churn debug/failslab debug/fuzz_netlink debug/hotplug debug/memcg debug/noipv6"
document=Documentation/networking/weft-test-results.rst
counts=$cache/coverage

main() {
	local module build status=0

	make -s -C tools >&2
	module=$(selftests/run/vm/module.sh $series gcov GCOV_PROFILE=y KCOV_INSTRUMENT=n)
	build=$(dirname "$(dirname "$module")")
	[ -n "${KEEP-}" ] || rm -rf "$counts"
	mkdir -p "$counts"
	# shellcheck disable=SC2086 # a list
	GCOV=$counts selftests/run/vm/run.sh -k "$module" $series ${TESTS:-$default_tests} | merge || status=1
	[ -z "${MISSED-}" ] || python3 selftests/run/coverage.py -v "$build" "$counts"
	python3 selftests/run/coverage.py "$build" "$counts" "$document" || status=1
	return $status
}

main
