#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `make demo`: builds weft, boots a virtual machine and shows a fleet of servers in it (guest.sh). Its status is that of
# guest.sh: 0 only if everything shown was also verified.
#
# Linux as a program, which is fast enough for Ansible, is used if it is built already; else Debian's 6.12, emulated, where
# `weft fleet` takes the place of the playbooks.
#
#   WEFT_KO       a module that is built already, in place of building one
#   DEMO_SERIES   the kernel series to show it on; uml builds Linux as a program if need be
set -eu -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

# The guest's commands have limits of their own; this one ends a guest that hangs.
limit=900

# Colour for a terminal, unless NO_COLOR is set: no-color.org.
colour_wanted() {
	[ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]
}

choose_series() {
	if [ -n "${DEMO_SERIES-}" ]; then
		series=$DEMO_SERIES
	elif "$weft_top/selftests/run/vm/uml.sh" built uml; then
		series=uml
	else
		series=6.12
	fi
}

# Sets options.
choose_means() {
	if ! is_uml "$series"; then
		options=(-m icount)
		say "the steps are shown with weft fleet and ssh, because Ansible would take minutes on an emulated CPU; with it after: make kernel KERNELS=uml"
	elif bash "$weft_top/selftests/fleet/programs.sh" 2.19 "$work/programs" >"$work/why"; then
		options=(-m smp -M 2500 -d "$work/programs" -e PLAYBOOKS=1)
	else
		options=(-m smp)
		say "the steps are shown with weft fleet and ssh, without Ansible: $(cat "$work/why")"
	fi
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

	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	choose_series
	build_all
	choose_means
	! colour_wanted || colour=1
	# Before the time limit starts: downloads take as long as the network needs.
	"$weft_top/selftests/run/vm/image.sh" base "$series" >/dev/null
	say "booting a virtual machine with Linux $series; nothing on this machine is changed"
	started=$SECONDS
	"$weft_top/selftests/run/vm/boot.sh" "${options[@]}" -t $limit -e DEMO_COLOUR="$colour" "$series" \
		'exec bash selftests/demo/guest.sh' || status=$?
	say "the virtual machine ran for $((SECONDS - started)) seconds"
	[ $status = 0 ] || say "the demo FAILED, with status $status"
	exit $status
}

main "$@"
