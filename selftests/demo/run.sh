#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `make demo`: builds weft, boots a VM with Debian's kernel and shows a fleet of three servers in it (guest.sh).
# Its status is that of guest.sh: 0 only if everything shown was also verified.
#
#   WEFT_KO       a module that is built already, in place of building one
#   DEMO_SERIES   the kernel series to show it on (default 6.12)
set -eu -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

series=${DEMO_SERIES:-6.12}
# The guest's commands have limits of their own; this one ends a guest that hangs.
limit=900

# Colour for a terminal, unless NO_COLOR is set: no-color.org.
colour_wanted() {
	[ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]
}

build_all() {
	say "building the command"
	make -s -C "$weft_top/tools" >&2
	if [ -z "${WEFT_KO-}" ]; then
		say "building the module for Linux $series"
		WEFT_KO=$("$weft_top/selftests/run/vm/module.sh" "$series")
	fi
	export WEFT_KO
}

main() {
	local colour='' started status=0

	build_all
	! colour_wanted || colour=1
	# Before the time limit starts: downloads take as long as the network needs.
	"$weft_top/selftests/run/vm/image.sh" base "$series" >/dev/null
	say "booting a virtual machine with Linux $series; nothing on this machine is changed"
	started=$SECONDS
	"$weft_top/selftests/run/vm/boot.sh" -m icount -t $limit -e DEMO_COLOUR="$colour" "$series" \
		'exec bash selftests/demo/guest.sh' || status=$?
	say "the virtual machine ran for $((SECONDS - started)) seconds"
	[ $status = 0 ] || say "the demo FAILED, with status $status"
	exit $status
}

main "$@"
