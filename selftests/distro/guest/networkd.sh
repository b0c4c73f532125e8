#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# systemd-networkd, unchanged, on a weft that stands in for wireguard: a netdev of Kind=wireguard with a peer, a reload, and
# removal.
# shellcheck source=selftests/distro/guest/lib.sh
. "$(dirname "$0")/lib.sh"
folder=/etc/systemd/network

write_configuration() {
	mkdir -p $folder
	cat >$folder/30-netd0.netdev <<-NETDEV
		[NetDev]
		Name=netd0
		Kind=wireguard

		[WireGuard]
		PrivateKey=$(cat $keys/near)
		ListenPort=51820

		[WireGuardPeer]
		PublicKey=$(far_key)
		AllowedIPs=10.77.0.2/32
		Endpoint=192.0.2.2:51820
	NETDEV
	chown root:systemd-network $folder/30-netd0.netdev
	chmod 0640 $folder/30-netd0.netdev
	printf '[Match]\nName=netd0\n\n[Network]\nAddress=10.77.0.1/24\n' >$folder/30-netd0.network
}

has_address() { # has_address DEV ADDRESS
	ip -4 addr show dev "$1" | grep -F " $2 " >/dev/null
}

comes_up() {
	write_configuration
	expect systemctl start systemd-networkd
	wait_for 60 has_address netd0 10.77.0.1/24
	served_by_weft netd0
	tunnel_works
	same_dump netd0
}

# A reload takes new files, and applies the changed file of an interface.
reloads() {
	sed 's/netd0/netd1/; s/^ListenPort=.*/ListenPort=51821/' $folder/30-netd0.netdev >$folder/31-netd1.netdev
	chown root:systemd-network $folder/31-netd1.netdev
	chmod 0640 $folder/31-netd1.netdev
	printf 'Address=10.77.1.1/24\n' >>$folder/30-netd0.network
	expect networkctl reload
	wait_for 30 has_address netd0 10.77.1.1/24
	wait_for 30 has_peers netd1 1
	tunnel_works
}

removes() {
	rm -f $folder/3[01]-netd[01].*
	expect networkctl delete netd0 netd1
	wait_for 30 link_absent netd0
	wait_for 30 link_absent netd1
}

compat_on
far_create
run_case "networkd makes a tunnel" comes_up
run_case "networkctl reload applies changes" reloads
run_case "networkctl delete removes the tunnels" removes
systemctl stop systemd-networkd.socket systemd-networkd
