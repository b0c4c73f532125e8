#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make coverage: which lines and branches of kmod/ the tests reach, by gcov, as a table in
# Documentation/networking/weft-test-results.rst.
#
#   TESTS     names of tests (default: those below, which take hours)
#   KEEP=1    add to what is known from earlier runs of the same build, rather than begin anew
#   MISSED=1  print the lines that were not reached, too
#
# Under the kernel with KASAN, which has gcov, and with all its watchers: the run is one of make check-debug, too. Branches
# that UBSAN adds are counted with the others.
set -eu -o pipefail
# shellcheck source=selftests/vm/host.sh
. "$(dirname "$0")/vm/host.sh"
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$weft_top"

series=6.12-kasan
default_tests="batch bulk command compat dump endpoints events faults known lifecycle link load malformed names nesting netlink"
default_tests+=" operations order parallel pmtu reasons rotate routing scale spread timers tool uapi updown"
default_tests+=" debug/churn debug/failslab debug/fuzz_netlink debug/hotplug debug/memcg debug/noipv6"
document=Documentation/networking/weft-test-results.rst
counts=$cache/coverage

main() {
	local module build status=0

	make -s -C tools >&2
	module=$(selftests/vm/module.sh $series gcov GCOV_PROFILE=y KCOV_INSTRUMENT=n)
	build=$(dirname "$(dirname "$module")")
	[ -n "${KEEP-}" ] || rm -rf "$counts"
	mkdir -p "$counts"
	# shellcheck disable=SC2086 # a list
	GCOV=$counts selftests/vm/run.sh -k "$module" $series ${TESTS:-$default_tests} | merge || status=1
	[ -z "${MISSED-}" ] || python3 selftests/coverage.py -v "$build" "$counts"
	python3 selftests/coverage.py "$build" "$counts" "$document" || status=1
	return $status
}

main
