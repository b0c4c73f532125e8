#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Treatment of single packets: congestion marks, padding, MTUs, fragments, segments, flow hashes, and packets that
# bypass the stack.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# series: 6.12
. "$(dirname "$0")/lib.sh"

helper() { # helper NS ARGS...
	local name=$1

	shift
	ns "$name" python3 "$test_dir/packets.py" "$@"
}

outside_v4() {
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

outside_v6() {
	peer_set a wt0 b wt0 endpoint '[2001:db8::2]:51820'
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	defer outside_v4
}

# ---- DS field ----

echo_with_tos() { # echo_with_tos TOS ADDRESS
	ns a ping -n -c 1 -W 1 -Q "$1" "$2"
}

# The outer DS field has only the ECN bits. An inner CE was set before the tunnel: it makes the outer packet ECN-capable.
outer_ds() { # outer_ds FILTER-OF-DS: with @ for the value
	local tos address value

	capture_start ds a va "udp and port 51820"
	for address in 10.9.0.2 fd09::2; do
		for tos in 0 0xb8 1 2 0xba 3; do
			expect echo_with_tos $tos $address
		done
	done
	capture_stop ds
	for value in 0/8 1/4 2/12; do
		expect_eq "messages with DS ${value%/*}" "$(capture_count ds "${1//@/${value%/*}}")" "${value#*/}"
	done
	expect_eq "messages" "$(capture_count ds)" 24
}

handshake_ds() { # handshake_ds FILTER
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	addr_add a wt0 fd09::1/64
	capture_start handshake a va udp
	expect echo_with_tos 2 10.9.0.2
	capture_stop handshake
	expect_eq "initiation and response with AF41" "$(capture_count handshake "(($(type_filter 1)) or ($(type_filter 2))) and $1")" 2
}

v6_outer() {
	outside_v6
	outer_ds 'ip6 and ((ip6[0:2] & 0xff0) >> 4) = @'
	handshake_ds 'ip6 and ((ip6[0:2] & 0xff0) >> 4) = 0x88'
}

ecn_drops() {
	[ "$KIND" != weft ] || ethtool_stat b wt0 rx_drop_ecn
}

# A router on the path marks every outer packet. An ECN-capable inner packet gets the mark; another one is dropped.
congestion() { # congestion NFT-STATEMENT
	local drops errors

	ns b nft -f - <<<"table inet weft {
		chain pre { type filter hook prerouting priority 0; udp dport 51820 $1; }
	}"
	defer ns b nft delete table inet weft
	drops=$(ecn_drops) errors=$(link_stat b wt0 rx_errors)
	capture_start marked b wt0 "dst host 10.9.0.2 or dst host fd09::2"
	expect echo_with_tos 1 10.9.0.2
	expect echo_with_tos 2 10.9.0.2
	expect echo_with_tos 0xba 10.9.0.2
	expect echo_with_tos 3 10.9.0.2
	expect echo_with_tos 2 fd09::2
	expect_eq "receive errors" "$(link_stat b wt0 rx_errors)" "$errors"
	expect_fail echo_with_tos 0 10.9.0.2
	expect_fail echo_with_tos 0 fd09::2
	capture_stop marked
	expect_eq "packets inside" "$(capture_count marked)" 5
	expect_eq "packets inside with the mark" "$(capture_count marked '(ip and ip[1] & 3 = 3) or (ip6 and ip6[0:2] & 0x30 = 0x30)')" 5
	expect_eq "packets inside with mark and DSCP" "$(capture_count marked 'ip and ip[1] = 0xbb')" 1
	expect_eq "receive errors" $(($(link_stat b wt0 rx_errors) - errors)) 2
	[ "$KIND" != weft ] || expect_eq "rx_drop_ecn" $(($(ecn_drops) - drops)) 2
}

# nftables 1.0.6 writes one byte in the middle of a word for "ip6 ecn set ce", which Linux 7.2 refuses.
v6_congestion() {
	outside_v6
	congestion "meta nfproto ipv6 @nh,0,16 set 0x6030"
}

# ---- lengths ----

every_length() {
	expect helper a lengths wt0 va 20 1420 1420 10.9.0.2
}

# An MTU that is no multiple of 16: padding ends there.
odd_mtu() {
	ns_ip a link set wt0 mtu 1411
	defer ns_ip a link set wt0 mtu 1420
	expect helper a lengths wt0 va 1390 1411 1411 10.9.0.2
}

route_mtu() {
	ns_ip a route add 10.9.0.2/32 dev wt0 mtu 1001
	defer ns_ip a route del 10.9.0.2/32 dev wt0
	expect helper a route-lengths va 980 1001 1001 10.9.0.2
	expect_error "Message too long" helper a route-lengths va 1002 1002 1001 10.9.0.2
	expect ns a ping -n -c 1 -W 5 -s 3000 10.9.0.2
}

tunnel_mtu() { # tunnel_mtu MTU: adds the IPv6 addresses again that are removed below 1280
	ns_ip a link set wt0 mtu "$1"
	ns_ip b link set wt0 mtu "$1"
	[ "$1" -lt 1280 ] || ns_ip a addr replace fd09::1/64 dev wt0 nodad
	[ "$1" -lt 1280 ] || ns_ip b addr replace fd09::2/64 dev wt0 nodad
}

mtus() {
	local mtu

	defer tunnel_mtu 1420
	for mtu in 68 576 1280 1500 9000; do
		tunnel_mtu $mtu
		expect ns a ping -n -c 1 -W 5 -s $((mtu - 28)) -M "do" 10.9.0.2
		[ $mtu = 68 ] || expect ns a ping -n -c 1 -W 5 -s 2000 10.9.0.2
		expect_fail ns a ping -n -c 1 -W 1 -s $((mtu - 27)) -M "do" 10.9.0.2
		[ $mtu -lt 1280 ] || expect ns a ping -n -c 1 -W 5 -s $((mtu - 48)) fd09::2
	done
}

send_drops() {
	[ "$KIND" != weft ] || ethtool_stat a wt0 tx_drop_send
}

# An inner packet of 65535 bytes leaves no room for 60 bytes of outer headers: it is an error, and the next one is
# sent.
mtu_of_64k() {
	local drops

	defer tunnel_mtu 1420
	tunnel_mtu 65535
	expect ns a ping -n -c 1 -W 5 -s 60000 10.9.0.2
	drops=$(send_drops)
	expect_fail ns a ping -n -c 1 -W 1 -s 65507 10.9.0.2
	[ "$KIND" != weft ] || expect_eq "tx_drop_send" $(($(send_drops) - drops)) 1
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

# A link with an MTU of 0 has no IP; a packet that is redirected to it is sent nevertheless.
mtu_of_0() {
	ns_ip a link add d0 type dummy
	defer ns_ip a link del d0
	addr_add a d0 10.8.0.1/24
	ns_ip a link set d0 up
	ns_ip a neigh add 10.8.0.2 lladdr 02:00:00:00:00:02 dev d0
	ns a tc qdisc add dev d0 clsact
	ns a tc filter add dev d0 egress protocol ip matchall action mirred egress redirect dev wt0
	peer_set a wt0 b wt0 allowed-ips 10.9.0.2/32,fd09::2/128,10.8.0.2/32
	peer_set b wt0 a wt0 allowed-ips 10.9.0.1/32,fd09::1/128,10.8.0.1/32
	ns_ip a link set wt0 mtu 0
	capture_start zero b wt0 "src host 10.8.0.1"
	expect_fail ns a ping -n -c 2 -i 0.2 -W 1 -s 100 10.8.0.2
	capture_stop zero
	expect_eq "packets that arrived" "$(capture_count zero)" 2
	ns_ip a link set wt0 mtu 1420
	addr_add a wt0 10.9.0.1/24 fd09::1/64
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

# ---- a narrow path outside ----

outer_mtu() { # outer_mtu MTU
	ns_ip a link set va mtu "$1"
	ns_ip b link set vb mtu "$1"
}

fragments_outside() { # fragments_outside FILTER
	outer_mtu 1300
	defer outer_mtu 1500
	capture_start fragments a va "$1"
	expect ns a ping -n -c 2 -i 0.2 -W 5 -s 1392 -M "do" 10.9.0.2
	capture_stop fragments
	expect_eq "fragments of four messages" "$(capture_count fragments)" 8
	transfer a b 10.9.0.2 100000
	transfer b a fd09::1 100000
}

v6_fragments_outside() {
	outside_v6
	fragments_outside "ip6 and ip6[6] = 44"
}

# Only the router has the narrower MTU of the second half of the path.
#   c 10.9.0.3 --- r --- (1280) d 10.9.0.4
#	 c 10.9.0.3 --- r --- (1280) d 10.9.0.4
narrow_router() {
	ns_create c r d
	veth_link c vc r vrc
	veth_link r vrd d vd
	addr_add c vc 203.0.113.1/25 2001:db8:3::1/64
	addr_add r vrc 203.0.113.2/25 2001:db8:3::2/64
	addr_add r vrd 203.0.113.130/25 2001:db8:4::2/64
	addr_add d vd 203.0.113.129/25 2001:db8:4::1/64
	ns_ip r link set vrd mtu 1280
	ns_ip d link set vd mtu 1280
	ns_ip c route add default via 203.0.113.2
	ns_ip c route add default via 2001:db8:3::2
	ns_ip d route add default via 203.0.113.130
	ns_ip d route add default via 2001:db8:4::2
	forwarding_on r
	tunnel_create c wt0 10.9.0.3/24
	tunnel_create d wt0 10.9.0.4/24
	peer_add d wt0 c wt0 10.9.0.3/32
	peer_add c wt0 d wt0 10.9.0.4/32 endpoint 203.0.113.129:51820
	expect ns c ping -n -c 2 -i 0.2 -W 5 -s 1392 10.9.0.4
	transfer c d 10.9.0.4 100000
	# Over IPv6 only the sender fragments: the first packet is lost, and its ICMP error sets the path MTU.
	peer_set c wt0 d wt0 endpoint '[2001:db8:4::1]:51820'
	expect ns c ping -n -c 1 -W 5 10.9.0.4
	wait_for 10 ns c ping -n -c 1 -W 1 -s 1392 10.9.0.4
	transfer c d 10.9.0.4 100000
}

# ---- segments ----

# Inside, TCP passes down more than fits the MTU at once; outside, every segment is a message of its own. The veth
# pair may carry them as one packet for UDP segmentation, which a router would segment, too.
tcp_segments() {
	local received

	ns a ethtool -K va tx-udp-segmentation off
	defer ns a ethtool -K va tx-udp-segmentation on
	received=$(link_stat b wt0 rx_packets)
	capture_start inner a wt0 "tcp and dst host 10.9.0.2 and greater 1421"
	# 14 + 20 + 8 + 16 + 1420 + 16
	capture_start outer b vb "udp and dst port 51820 and greater 1495"
	transfer a b 10.9.0.2 300000
	capture_stop inner
	capture_stop outer
	expect_gt "packets inside that are longer than the MTU" "$(capture_count inner)" 0
	expect_gt "messages" $(($(link_stat b wt0 rx_packets) - received)) $((300000 / 1380))
	expect_eq "messages longer than one packet" "$(capture_count outer)" 0
}

udp_segments() { # udp_segments ADDRESS COUNT SIZE LAST
	ns_run receiver b python3 "$test_dir/packets.py" receive 9009 "${@:2}"
	wait_for 10 listening b 9009
	expect helper a segments "$@"
	expect ns_wait receiver
}

# Packets that are fragmented before they reach the tunnel are reassembled at the other end.
fragments_inside() { # fragments_inside ADDRESS
	expect ns a ping -n -c 2 -i 0.2 -W 5 -s 4000 "$1"
	udp_segments "$1" 1 60000 60000
}

listening() { # listening NS PORT
	[ -n "$(ns "$1" ss -Huln "sport = :$2")" ]
}

# ---- past the stack ----

received_more_than() { # received_more_than NS NUMBER
	[ "$(link_stat "$1" wt0 rx_packets)" -gt "$2" ]
}

errors_of_a() {
	link_stat a wt0 tx_errors
}

errors_sent() {
	echo $(($(udp_stat a IcmpOutDestUnreachs) + $(udp_stat a Icmp6OutDestUnreachs)))
}

# 28 bytes of IP and ICMP, from 10.9.0.1 to 10.9.0.2: an echo request.
injected_is_encrypted() {
	local received

	received=$(link_stat b wt0 rx_packets)
	capture_start injected b wt0 "icmp[icmptype] = icmp-echo and src host 10.9.0.1"
	expect helper a inject wt0 0x0800 4500001c00000000400166cd0a0900010a0900020800f7ff00000000
	wait_for 5 received_more_than b "$received"
	capture_stop injected
	expect_eq "packets inside at b" "$(capture_count injected)" 1
}

# Not IP, with a wrong version, and truncated. No ICMP error is sent, for lack of a valid source. A keepalive may be
# sent meanwhile.
injected_rubbish() {
	local errors sent

	errors=$(errors_of_a) sent=$(errors_sent)
	capture_start rubbish a va "src host 192.0.2.1 and udp[8:4] = 0x04000000 and udp[4:2] > 40"
	expect helper a inject wt0 0x0806 0001080006040001020000000001c0000201000000000000c0000202
	expect helper a inject wt0 0x0800 6500001c00000000400166cd0a0900010a0900020800f7ff00000000
	expect helper a inject wt0 0x86dd 4500001c00000000400166cd0a0900010a0900020800f7ff00000000
	expect helper a inject wt0 0x0800 450000
	expect helper a inject wt0 0x86dd 600000000000
	expect helper a inject wt0 0x88b5 ffffffffffffffffffffffffffffffffffffffffffffffffffffffff
	expect_eq "transmit errors" $(($(errors_of_a) - errors)) 6
	capture_stop rubbish
	expect_eq "packets sent" "$(capture_count rubbish)" 0
	expect_eq "ICMP errors" "$(errors_sent)" "$sent"
	[ "$KIND" != weft ] || expect_ge "tx_drop_not_ip" "$(ethtool_stat a wt0 tx_drop_not_ip)" 6
}

# Outer packets have the inner flow's hash, although their addresses and ports are those of one flow.
flow_hashes() {
	local flows one

	read -r flows one <<<"$(helper a hashes wt0 va 32 10.9.0.2)"
	expect_ge "different hashes of 32 flows" "$flows" 24
	expect_eq "different hashes of one flow" "$one" 1
}

# shellcheck disable=SC2119 # without arguments
pair_create
# Without this, a change of the MTU gives the link a link-local address, and unexpected packets.
ns a sysctl -qw net.ipv6.conf.default.addr_gen_mode=1
ns b sysctl -qw net.ipv6.conf.default.addr_gen_mode=1
session_up a wt0 b wt0 10.9.0.2
run_case "the outer DS field is the ECN bits, in IPv4" outer_ds "ip and ip[1] = @"
run_case "handshakes are AF41, in IPv4" handshake_ds "ip and ip[1] = 0x88"
run_case "the same in IPv6" v6_outer
run_case "congestion marks are copied inside, from IPv4" congestion "ip ecn set ce"
run_case "congestion marks are copied inside, from IPv6" v6_congestion
run_case "every length is padded to 16" every_length
run_case "padding ends at the link's MTU" odd_mtu
run_case "padding ends at the route's MTU" route_mtu
run_case "MTUs from 68 to 9000" mtus
run_case "an MTU of 65535" mtu_of_64k
run_case "an MTU of 0" mtu_of_0
run_case "messages are fragmented, in IPv4" fragments_outside "ip and ip[6:2] & 0x3fff != 0"
run_case "messages are fragmented, in IPv6" v6_fragments_outside
run_case "a router has a smaller MTU" narrow_router
run_case "TCP packets are segmented" tcp_segments
run_case "UDP packets are segmented, in IPv4" udp_segments 10.9.0.2 20 1000 300
run_case "UDP packets are segmented, in IPv6" udp_segments fd09::2 20 1000 300
run_case "fragments inside the tunnel, in IPv4" fragments_inside 10.9.0.2
run_case "fragments inside the tunnel, in IPv6" fragments_inside fd09::2
run_case "an injected packet is encrypted" injected_is_encrypted
run_case "an injected packet other than IP is dropped" injected_rubbish
run_case "the flow's hash is kept" flow_hashes
