#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A peer's endpoint follows authenticated messages, and no other ones.
# series: 6.1
#
#	 namespace a                                  namespace b
#	 wt0 10.9.0.1                                 wt0 10.9.0.2, or a program (roaming.py)
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
#
#	 or  va 10.1.0.2 --- na 10.1.0.1 (namespace n: NAT) nb 192.0.2.1 --- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

# ADDRESS replaces all addresses of its family.
readdress() { # readdress NS DEV ADDRESS
	case $3 in
	*:*) ns_ip "$1" -6 addr flush dev "$2" scope global ;;
	*) ns_ip "$1" -4 addr flush dev "$2" ;;
	esac
	addr_add "$1" "$2" "$3"
}

ping_a_to_b() {
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

ping_b_to_a() {
	expect ns b ping -n -c 1 -W 5 10.9.0.1
}

# a's next packet updates b's endpoint, and b's packets are sent there.
a_roamed_to() { # a_roamed_to ENDPOINT
	ping_a_to_b
	expect_eq "b's endpoint of a" "$(peer_field b wt0 a wt0 endpoint)" "$1"
	ping_b_to_a
}

moves() { # moves KIND_A KIND_B
	pair_create "$1" "$2"
	session_up a wt0 b wt0 10.9.0.2
	capture_start moves b vb "$(type_filter 1) or $(type_filter 2)"
	readdress a va 192.0.2.11/24
	a_roamed_to 192.0.2.11:51820
	peer_set a wt0 b wt0 endpoint '[2001:db8::2]:51820'
	a_roamed_to '[2001:db8::1]:51820'
	readdress a va 2001:db8::11/64
	a_roamed_to '[2001:db8::11]:51820'
	tunnel_set a wt0 listen-port 51999
	a_roamed_to '[2001:db8::11]:51999'
	readdress b vb 2001:db8::22/64
	ping_b_to_a
	expect_eq "a's endpoint of b" "$(peer_field a wt0 b wt0 endpoint)" '[2001:db8::22]:51820'
	ping_a_to_b
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	a_roamed_to 192.0.2.11:51999
	capture_stop moves
	expect_eq "handshake messages" "$(capture_count moves)" 0
}

# A link-local address is valid on one link: the learnt endpoint includes the interface.
to_a_link() {
	pair_create
	ns_ip a -6 addr flush dev va scope link
	addr_add a va fe80::11/64
	addr_add b vb fe80::22/64
	peer_set a wt0 b wt0 endpoint '[fe80::22%va]:51820'
	a_roamed_to '[fe80::11%vb]:51820'
}

nat_create() {
	ns_create a n b
	veth_link a va n na
	veth_link n nb b vb
	addr_add a va 10.1.0.2/24
	addr_add n na 10.1.0.1/24
	addr_add n nb 192.0.2.1/24
	addr_add b vb 192.0.2.2/24
	ns_ip a route add default via 10.1.0.1
	forwarding_on n
	pair_tunnels_create
}

map_to() { # map_to PORT
	ns n nft -f - <<-EOF
		table ip nat
		delete table ip nat
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat
				oifname nb ip protocol udp snat to 192.0.2.1:$1
			}
		}
	EOF
}

rebinds() {
	local lifetime=$((SLOW > 1 ? 4 : 1))

	nat_create
	map_to 20000
	session_up a wt0 b wt0 10.9.0.2
	expect_eq "b's endpoint of a" "$(peer_field b wt0 a wt0 endpoint)" 192.0.2.1:20000
	ns n sysctl -qw net.netfilter.nf_conntrack_udp_timeout=$lifetime net.netfilter.nf_conntrack_udp_timeout_stream=$lifetime
	ping_a_to_b
	pause $((lifetime + 1))	# conntrack ignores an expired mapping, which is listed until garbage collection
	map_to 20001
	capture_start rebinds b vb "$(type_filter 1) or $(type_filter 2)"
	a_roamed_to 192.0.2.1:20001
	capture_stop rebinds
	expect_eq "handshake messages" "$(capture_count rebinds)" 0
}

program_cases() {
	pair_underlay_create
	program_create
	program all >"$lib_work/program" 2>&1 || cat "$lib_work/program"
}

run_case "$KIND roams to $KIND and back" moves "$KIND" "$KIND"
if [ "$KIND" != wireguard ]; then
	run_case "$KIND roams to wireguard and back" moves "$KIND" wireguard
	run_case "wireguard roams to $KIND and back" moves wireguard "$KIND"
fi
run_case "a link's own address" to_a_link
run_case "a NAT forgets its mapping" rebinds
run_case "a program acts as the peer" program_cases
run_case "data moves the endpoint, in both families" program_passed moves_on_data
run_case "so does an initiation" program_passed moves_on_initiation
run_case "and a response" program_passed moves_on_response
run_case "an unauthenticated message does not" program_passed stays_on_garbage
run_case "nor does a replayed packet" program_passed stays_on_replay
run_case "nor a replayed initiation" program_passed stays_on_replayed_initiation
run_case "nor a cookie reply, although it is accepted" program_passed stays_on_cookie_reply
