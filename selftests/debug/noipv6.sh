#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A kernel without IPv6 (ipv6.disable=1): the tunnel works over IPv4, and a peer with an IPv6 endpoint leaks no memory
# (CVE-2022-49153): packets to it are dropped, and counted. (For IPv6 disabled in a namespace only, see link.sh.)
# kernel: ipv6.disable=1
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1                              wt0 10.9.0.2
#	 va 192.0.2.1 ------------ veth ------------ vb 192.0.2.2
. "$(dirname "$0")/../kselftest/lib.sh"
# shellcheck source=selftests/kselftest/lib/fleet.sh
. "$lib_dir/lib/fleet.sh"

packets=200

works_over_ipv4() {
	expect_match "the summary of ping" "$(ns a ping -n -q -c 100 -i 0.02 -s 1300 -W 2 10.9.0.2)" ' 0% packet loss'
}

# Links without an IPv6 socket report their port.
port_is_known() {
	expect_eq "port" "$(device_field a wt0 port)" 51820
	expect ns_ip a link set wt0 down
	expect ns_ip a link set wt0 up
	tunnel_set a wt0 listen-port 51821
	expect_eq "port" "$(device_field a wt0 port)" 51821
	tunnel_set a wt0 listen-port 51820
	wait_for 20 ns a ping -n -c 1 -W 1 10.9.0.2
}

objects() {
	local count

	echo 1 >/sys/kernel/slab/skbuff_head_cache/shrink
	read -r count _ </sys/kernel/slab/skbuff_head_cache/objects
	echo "$count"
}

send_many() {
	ns a python3 -c "
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range($packets):
    try:
        sock.sendto(b'x' * 500, ('10.9.0.3', 9))
    except OSError:
        pass"
}

drops() {
	ns a ethtool -S wt0 | awk '/tx_drop_/ { sum += $2 } END { print sum + 0 }'
}

# Neither a handshake nor data can be sent to it: staged packets are dropped when the peer is given up, or the link goes
# down.
nothing_is_kept() {
	local before

	before=$(objects)
	tunnel_set a wt0 peer "$(public_key b.ghost)" allowed-ips 10.9.0.3/32 endpoint '[2001:db8::9]:51820'
	send_many
	pause 12
	send_many
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	expect_ge "packets dropped" "$(drops)" $((packets / 2))
	expect_le "packets kept" "$(objects)" $((before + 64))
	tunnel_set a wt0 peer "$(public_key b.ghost)" remove
	wait_for 20 ns a ping -n -c 1 -W 1 10.9.0.2
}

# An IPv6 listen address is refused.
address_is_refused() {
	expect_fail tunnel_set a wt0 listen-address 2001:db8::1
	works_over_ipv4
}

# A fleet's addresses, prefixes and endpoints of IPv6 are left out, and named; the rest works.
fleet_without_ipv6() {
	underlay_create ant bee
	fleet_create
	node_create ant
	node ant hello
	on_store admit node ant identity "$(said identity)" address 10.77.0.1/24,fd77::1/64
	node_create bee prefix 10.20.0.0/24,fd20::/64
	node bee hello endpoint '[2001:db8::2]:51820,192.0.2.2:51820'
	gather ant bee
	bundle_make
	expect_status 2 bee apply "$bundle"
	expect_status 2 ant apply "$bundle"
	expect_match "problems" "$(said_list problems)" "IPv6 by ipv6.disable: 1 of its own addresses and 1 addresses and prefixes of peers are left out"
	note "$(said_list problems)"
	expect ns ant ping -n -q -c 2 -i 0.2 -W 5 10.77.0.2
	expect_eq "routes of ant" "$(ns_ip ant route show dev "$fleet" | awk '{ print $1 }' | sort | paste -sd ' ')" "10.20.0.0/24 10.77.0.0/24"
	expect_status 2 ant apply
	expect_eq "changed" "$(said changed)" false
}

skip_unless_weft
[ ! -d /proc/sys/net/ipv6 ] || skip "this kernel has IPv6; boot it with ipv6.disable=1"
ns_create a b
ip link add va netns "$(ns_name a)" type veth peer name vb netns "$(ns_name b)"
ns_ip_batch a "addr add 192.0.2.1/24 dev va" "link set va up"
ns_ip_batch b "addr add 192.0.2.2/24 dev vb" "link set vb up"
tunnel_create a wt0 10.9.0.1/24
tunnel_create b wt0 10.9.0.2/24
new_key b.ghost
peer_add a wt0 b wt0 10.9.0.2/32 endpoint 192.0.2.2:51820
peer_add b wt0 a wt0 10.9.0.1/32
session_up a wt0 b wt0 10.9.0.2
run_case "the tunnel works over IPv4" works_over_ipv4
run_case "the port is reported, and can be changed" port_is_known
run_case "an IPv6 endpoint leaks no memory" nothing_is_kept
run_case "an IPv6 listen address is refused" address_is_refused
run_case "a fleet with addresses, prefixes and endpoints of IPv6 works over IPv4" fleet_without_ipv6
