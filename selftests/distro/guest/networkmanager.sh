#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NetworkManager, unchanged, on a weft that stands in for wireguard: a connection from a file, a change, and removal.
# shellcheck source=selftests/distro/guest/lib.sh
. "$(dirname "$0")/lib.sh"

keep_out_of_the_rest() {
	mkdir -p /etc/NetworkManager/conf.d
	printf '[keyfile]\nunmanaged-devices=*,except:type:wireguard\n' >/etc/NetworkManager/conf.d/weft-test.conf
	defer rm -f /etc/NetworkManager/conf.d/weft-test.conf
}

comes_up() {
	near_configuration /run/nm0.conf
	expect nmcli -w 60 connection import type wireguard file /run/nm0.conf
	expect nmcli -w 60 connection up nm0
	served_by_weft nm0
	tunnel_works
	same_dump nm0
}

port_is() { # port_is PORT
	[ "$(wg show nm0 listen-port)" = "$1" ]
}

changes() {
	expect nmcli connection modify nm0 wireguard.listen-port 51999
	expect nmcli -w 60 device reapply nm0
	wait_for 30 port_is 51999
	tunnel_works
}

removes() {
	expect nmcli -w 60 connection delete nm0
	wait_for 30 link_absent nm0
}

compat_on
far_create
keep_out_of_the_rest
systemctl start NetworkManager
defer systemctl stop NetworkManager
run_case "nmcli imports a tunnel, and it comes up" comes_up
run_case "a change is applied to the live tunnel" changes
run_case "nmcli deletes the tunnel" removes
