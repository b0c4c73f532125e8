#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's ansible-core and the role's service.yml: a fleet's unit is enabled and started, for a link of weft's and for one
# of the kernel's own WireGuard, and both links are there after a reboot.
# shellcheck source=selftests/distro/guest/lib.sh
. "$(dirname "$0")/lib.sh"

play=$(dirname "$0")/fleet.yml

# As the role does before: the records are applied, so that the unit needs no bundle.
make_fleets() {
	fleet_create site 10.81.0.1/24
	expect weft down site
	expect ip link add stock type wireguard
	fleet_create stock 10.82.0.1/24 port 51821
	expect weft down stock
	expect link_absent site
	expect link_absent stock
}

run_play() { # run_play CHANGED
	ansible-playbook -i localhost, "$play" >"$lib_work/play" 2>&1 || { cat "$lib_work/play"; fail "ansible-playbook"; }
	expect_match "recap" "$(tail -n 3 "$lib_work/play")" "changed=$1 +unreachable=0 +failed=0"
}

link_is() { # link_is NAME KIND
	expect_match "kind of $1" "$(ip -d link show dev "$1")" "$2"
	expect ip link show dev "$1" up
}

units_work() {
	local fleet

	for fleet in site stock; do
		expect systemctl is-enabled "weft-fleet-apply@$fleet"
		expect systemctl is-active "weft-fleet-apply@$fleet"
	done
	link_is site weft
	link_is stock wireguard
}

# Each unit is changed, and for the link of the kernel's own WireGuard its folder and its addition.
enables() {
	run_play 4
	units_work
}

changes_nothing() {
	run_play 0
}

leaves() {
	local fleet

	for fleet in site stock; do
		expect systemctl disable --now "weft-fleet-apply@$fleet"
		expect weft fleet leave "$fleet"
	done
	rm -rf /etc/systemd/system/weft-fleet-apply@*.d
	expect link_absent site
	ip link del stock 2>/dev/null || true
}

case $1 in
1)
	run_case "two fleets, of which one has a link of the kernel's own WireGuard" make_fleets
	unit_case "the role enables their units, and starts them" enables
	reboot_then
	;;
2)
	unit_case "after a reboot both links are up" units_work
	unit_case "the role then changes nothing" changes_nothing
	unit_case "a node leaves its fleets" leaves
	;;
esac
