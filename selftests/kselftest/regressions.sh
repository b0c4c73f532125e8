#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Faults found in other tunnels that no other test covers. Documentation/networking/weft-test-results.rst lists all known
# faults with their tests.
# series: 6.12
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2, or a program (regressions.py)
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

pair_underlay_create

in_a() { # in_a COMMAND [ARGS...]: of regressions.py's
	ns a python3 "$test_dir/regressions.py" "$@"
}

program_cases() {
	program_create endpoint 192.0.2.2:51820
	program all >"$lib_work/program" 2>&1 || cat "$lib_work/program"
}

# A staged packet is orphaned from its sender's socket: charged to it, it would block the socket's other packets.
sender_is_not_held_up() {
	program_create endpoint 192.0.2.2:9
	expect in_a fill 10.9.0.2 100
}

received() { # received FILTER: packets inside b
	capture_stop inner
	capture_count inner "$1"
}

inner_capture() {
	capture_start inner b wt0 "src host 10.9.0.1 or src host fd09::1 or src host 10.8.0.3"
}

# The headers are in a page, and the linear part is empty. (The in-tree module does not recognize such an IP packet.)
headers_in_a_page() {
	skip_unless_weft
	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	inner_capture
	expect in_a ring wt0 4500001c00000000400166cd0a0900010a0900020800f7ff00000000
	expect in_a ring wt0 45000014
	expect_eq "packets that arrived" "$(received "icmp[icmptype] = icmp-echo and length = 28")" 1
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

# An injected packet may have no protocol: then it is not an IP packet.
no_protocol() {
	local errors

	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	errors=$(link_stat a wt0 tx_errors)
	inner_capture
	expect ns a python3 "$test_dir/packets.py" inject wt0 0 4500001c00000000400166cd0a0900010a0900020800f7ff00000000
	expect_eq "packets that arrived" "$(received "icmp[icmptype] = icmp-echo")" 0
	expect_eq "errors" $(($(link_stat a wt0 tx_errors) - errors)) 1
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

# Tunnel metadata that a rule has attached to a packet is not its route.
#	 a: d0, a dummy 10.8.0.1 --- (tc: tunnel_key, redirect) --- wt0
metadata_dst() {
	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	ns_ip a link add d0 type dummy
	defer ns_ip a link del d0
	addr_add a d0 10.8.0.3/24
	ns_ip a link set d0 up
	ns_ip a neigh add 10.8.0.2 lladdr 02:00:00:00:00:02 dev d0
	ns a tc qdisc add dev d0 clsact
	ns a tc filter add dev d0 egress protocol ip matchall \
		action tunnel_key set src_ip 203.0.113.1 dst_ip 203.0.113.2 id 7 dst_port 4789 \
		action mirred egress redirect dev wt0 || skip "this kernel has no tunnel_key"
	peer_set a wt0 b wt0 allowed-ips 10.9.0.2/32,10.8.0.2/32
	peer_set b wt0 a wt0 allowed-ips 10.9.0.1/32,10.8.0.3/32
	inner_capture
	capture_start outer a va udp
	expect_fail ns a ping -n -c 2 -i 0.2 -W 1 10.8.0.2
	capture_stop outer
	expect_eq "packets that arrived" "$(received "src host 10.8.0.3")" 2
	expect_eq "messages to the peer" "$(capture_count outer "dst host 192.0.2.2 and $(type_filter 4)")" 2
	expect_eq "all that leaves" "$(capture_count outer "src host 192.0.2.1 or src host 203.0.113.1")" 2
}

# A router's GRO may forward datagrams as a list of packets, which are separate datagrams.
#	 c vc 10.8.0.3 --- vac 10.8.0.1 a
lists_of_packets() {
	local sent

	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	ns_create c
	veth_link c vc a vac
	addr_add c vc 10.8.0.3/24
	addr_add a vac 10.8.0.1/24
	ns_ip c route add default via 10.8.0.1
	ns_ip b route add 10.8.0.0/24 dev wt0
	forwarding_on a
	wire_offloads_off c vc a vac
	ns a ethtool -K vac rx-gro-list on
	peer_set b wt0 a wt0 allowed-ips 10.9.0.1/32,10.8.0.0/24
	ns_run receiver b python3 "$test_dir/packets.py" receive 9009 20 1000 300
	wait_for 10 ns b sh -c 'ss -Hlun "sport = :9009" | grep . >/dev/null'
	sent=$(link_stat a wt0 tx_packets)
	expect ns c python3 "$test_dir/packets.py" segments 10.9.0.2 20 1000 300
	expect ns_wait receiver
	expect_eq "messages" $(($(link_stat a wt0 tx_packets) - sent)) 20
	expect_eq "errors" "$(link_stat a wt0 tx_errors)/$(link_stat b wt0 rx_errors)" 0/0
}

# GRO may pass the tunnel's own messages to its socket as a list, or merged, unless the socket restricts that.
messages_in_a_list() {
	local feature

	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	wire_offloads_off a va b vb
	for feature in rx-gro-list rx-udp-gro-forwarding; do
		ns b ethtool -K vb $feature on
		transfer a b 10.9.0.2 1000000
		transfer b a 10.9.0.1 300000 7008
		ns b ethtool -K vb $feature off
	done
	expect_eq "errors" "$(link_stat a wt0 rx_errors)/$(link_stat b wt0 rx_errors)" 0/0
	expect_eq "datagrams refused" $(($(udp_stat a UdpInErrors) + $(udp_stat b UdpInErrors))) 0
}

# A sender may set a packet's delivery time, which the output device's qdisc honours. (The in-tree module clears it.)
# On a slow machine the qdisc may run late.
delivery_time() {
	skip_unless_weft
	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	ns a tc qdisc add dev va root fq
	expect_between "milliseconds that the packet took, of 300" "$(in_a later 10.9.0.2 300)" 299 "$(stretched 1300)"
}

run_case "a program acts as the peer" program_cases
run_case "padding is zeros" program_passed pads_with_zeros
run_case "session indices are unpredictable" program_passed random_indices
run_case "staged packets do not block their sender" sender_is_not_held_up
run_case "a packet whose headers are in a page" headers_in_a_page
run_case "a packet without a protocol" no_protocol
run_case "a packet with another tunnel's metadata" metadata_dst
run_case "datagrams in a GRO list" lists_of_packets
run_case "messages for a GRO list" messages_in_a_list
run_case "a packet's delivery time" delivery_time
