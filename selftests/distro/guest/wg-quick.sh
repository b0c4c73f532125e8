#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's own wg-quick and wg, unchanged, on a weft that stands in for wireguard: up at boot, reload, down.
# shellcheck source=selftests/distro/guest/lib.sh
. "$(dirname "$0")/lib.sh"

write_configuration() {
	(umask 077; cat >/etc/wireguard/quick0.conf) <<-CONF
		[Interface]
		PrivateKey = $(cat $keys/near)
		ListenPort = 51820
		Address = 10.77.0.1/24

		[Peer]
		PublicKey = $(far_key)
		AllowedIPs = 10.77.0.2/32
		Endpoint = 192.0.2.2:51820
	CONF
}

comes_up() {
	write_configuration
	expect systemctl start wg-quick@quick0
	served_by_weft quick0
	tunnel_works
	same_dump quick0
}

reloads() {
	printf '[Peer]\nPublicKey = %s\nAllowedIPs = 10.77.0.3/32\n' "$(other_key)" >>/etc/wireguard/quick0.conf
	expect systemctl reload wg-quick@quick0
	expect has_peers quick0 2
	tunnel_works
	same_dump quick0
}

goes_down() {
	expect systemctl stop wg-quick@quick0
	expect link_absent quick0
}

compat_on
far_create
run_case "wg-quick brings a tunnel up" comes_up
run_case "its reload adds a peer" reloads
run_case "it takes the tunnel down" goes_down
rm -f /etc/wireguard/quick0.conf
