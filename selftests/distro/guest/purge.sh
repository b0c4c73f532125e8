#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Removal from a machine on which a tunnel is up: neither files nor kernel state remain.
# shellcheck source=selftests/distro/guest/lib.sh
. "$(dirname "$0")/lib.sh"

prepare() {
	(umask 077; cat >/etc/weft/fleet1.conf) <<-CONF
		[Interface]
		PrivateKey = $(cat $keys/near)
		Address = 10.78.0.1/24
	CONF
	expect systemctl enable --now weft@fleet1
	expect ip link show dev fleet1 up
}

# A fleet of this machine alone, whose unit is enabled.
prepare_fleet() {
	fleet_create prod 10.79.0.1/24
	expect weft down prod
	expect systemctl enable --now weft-fleet-apply@prod
	expect ip link show dev prod up
	expect systemctl reload weft-fleet-apply@prod
	expect systemctl is-active weft-fleet-apply@prod
}

purge() {
	expect dpkg --purge weft-fleet weft-tools weft-dkms
}

tunnel_is_gone() {
	expect link_absent fleet1
	expect link_absent prod
	expect test ! -e /sys/module/weft
	expect_eq "units in memory" "$(systemctl list-units --all --plain --no-legend 'weft@*' 'weft-resolve*' 'weft-fleet*')" ""
}

files_are_gone() {
	local left

	left=$(find / -xdev \( -path /weft -o -path /proc -o -path /sys -o -path /tmp -o -path /run \) -prune -o \
		\( -name '*weft*' -o -path '/lib/modules/*/updates*' -o -path '/usr/lib/modules/*/updates*' \) -print |
		grep -v -e /weft-selftests.service -e '^/var/lib/systemd/' || true)
	expect_eq "files left behind" "$left" ""
}

run_case "a tunnel is up" prepare
run_case "a fleet is up, by its unit" prepare_fleet
run_case "dpkg --purge" purge
run_case "no tunnel, no unit and no module is left" tunnel_is_gone
run_case "no file is left" files_are_gone
