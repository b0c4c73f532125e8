#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Routing of packets: the inner destination selects the peer, the inner source is checked, and outer packets have the
# right addresses.
# series: 6.12
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	                                           wt1 10.9.1.2 fd09:1::2    (peers of a's wt0 as well,
#	                                           wt2 10.9.2.2 fd09:2::2     for the table of allowed IPs)
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

# ---- allowed IPs ----

more_peers() {
	local i

	# New tunnels are created with that port.
	tunnel_set b wt0 listen-port 7000
	for i in 1 2; do
		tunnel_create b wt$i 10.9.$i.2/24 fd09:$i::2/64
		tunnel_set b wt$i listen-port 700$i
		peer_add a wt0 b wt$i 10.9.$i.2/32,fd09:$i::2/128 endpoint 192.0.2.2:700$i
		peer_add b wt$i a wt0 10.9.0.1/32,fd09::1/128
		ns_ip b route add 10.9.0.1/32 dev wt$i table 10$i
		ns_ip b rule add from 10.9.$i.2 lookup 10$i
		ns_ip a route add 10.9.$i.0/24 dev wt0 src 10.9.0.1
		session_up a wt0 b wt$i 10.9.$i.2
	done
	tunnel_set b wt0 listen-port 51820
	session_up a wt0 b wt0 10.9.0.2
	ns_ip a route add 10.64.0.0/10 dev wt0
	ns_ip a route add fd64::/16 dev wt0
}

# Bytes for b's wt0, wt1 and wt2.
sent() {
	tunnel_tool a wt0 show wt0 transfer | awk -v keys="$(tunnel_key b wt0) $(tunnel_key b wt1) $(tunnel_key b wt2)" '
		{ sent[$1] = $3 }
		END { split(keys, key, " "); print sent[key[1]], sent[key[2]], sent[key[3]] }'
}

# A datagram of one byte makes a message of 64 (over IPv6 of 96) to exactly one of the peers, or to none. On a slow
# machine a keepalive may be sent in between.
goes_to() { # goes_to ADDRESS I (or: none)
	local before now length=64 i

	read -ra before < <(sent)
	case $1 in
	*:*)
		length=96
		;;
	esac
	# shellcheck disable=SC2016 # for the inner shell
	ns a bash -c 'printf x >"/dev/udp/$0/9009"' "$1" || [ "$2" = none ]
	[ "$2" = none ] || before[$2]=$((before[$2] + length))
	read -ra now < <(sent)
	for i in 0 1 2; do
		[ "$SLOW" = 1 ] || [ $((now[i] - before[i])) != 32 ] || now[i]=${before[i]}
	done
	expect_eq "bytes sent to each peer after one to $1" "${now[*]}" "${before[*]}"
}

allow() { # allow I PREFIXES: replaces its allowed IPs, except for its own address
	peer_set a wt0 b wt"$1" allowed-ips "10.9.$1.2/32,fd09:$(( $1 ))::2/128${2:+,$2}"
}

longest_prefix_wins() {
	allow 0 10.64.0.0/10,fd64::/16
	allow 1 10.65.0.0/16,10.65.3.128/25,fd64:0:1::/48
	allow 2 10.65.3.0/24,10.65.3.129/32,fd64:0:1:1::/64,fd64:0:1:1::ffff/128
	goes_to 10.64.0.1 0
	goes_to 10.127.255.255 0
	goes_to 10.65.0.0 1
	goes_to 10.65.2.255 1
	goes_to 10.65.3.0 2
	goes_to 10.65.3.127 2
	goes_to 10.65.3.128 1
	goes_to 10.65.3.129 2
	goes_to 10.65.3.130 1
	goes_to 10.65.4.0 1
	goes_to 10.66.0.0 0
	goes_to fd64:1::1 0
	goes_to fd64:0:1:2::1 1
	goes_to fd64:0:1:1::1 2
	goes_to fd64:0:2::1 0
}

# A prefix has one owner: adding it to another peer removes it from the first.
prefixes_move() {
	allow 0 10.64.0.0/10
	allow 1 10.65.0.0/16
	goes_to 10.65.0.1 1
	allow 2 10.65.0.0/16
	goes_to 10.65.0.1 2
	expect_eq "allowed IPs of the former owner" "$(peer_field a wt0 b wt1 allowed)" 10.9.1.2/32,fd09:1::2/128
	allow 2 ""
	goes_to 10.65.0.1 0
	allow 0 ""
	goes_to 10.65.0.1 none
	goes_to fd64::1 none
}

default_routes() {
	allow 1 0.0.0.0/0,::/0
	goes_to 10.64.0.1 1
	goes_to fd64::1 1
	goes_to 10.9.2.2 2
	allow 1 ""
	goes_to 10.64.0.1 none
}

received_at_a() {
	link_stat a wt0 rx_errors
}

# Sources of no peer, of another peer, and of another peer within the sender's prefix are dropped and counted.
wrong_source_dropped() {
	local address errors drops number=0

	allow 1 10.65.0.0/16
	allow 2 10.65.3.0/24,10.66.0.0/16
	addr_add b wt1 10.77.0.1/32 10.66.0.1/32 10.65.3.1/32 10.65.4.1/32 fd77::1/128
	ns_ip b route add 10.9.0.1/32 dev wt1
	defer ns_ip b route del 10.9.0.1/32 dev wt1
	ns_ip b route add fd09::1/128 dev wt1
	defer ns_ip b route del fd09::1/128 dev wt1
	errors=$(received_at_a)
	drops=$([ "$KIND" != weft ] || ethtool_stat a wt0 rx_drop_source)
	for address in 10.77.0.1 10.66.0.1 10.65.3.1; do
		number=$((number + 1))
		expect_fail ns b ping -n -c 1 -W 1 -I "$address" 10.9.0.1
		expect_eq "receive errors after $address" $(($(received_at_a) - errors)) $number
	done
	expect_fail ns b ping -n -c 1 -W 1 -I fd77::1 fd09::1
	expect_eq "receive errors" $(($(received_at_a) - errors)) 4
	[ "$KIND" != weft ] || expect_eq "rx_drop_source" $(($(ethtool_stat a wt0 rx_drop_source) - drops)) 4
	expect ns b ping -n -c 1 -W 5 -I 10.65.4.1 10.9.0.1
	expect_eq "receive errors" $(($(received_at_a) - errors)) 4
}

# ---- no peer, no endpoint ----

drops_of() { # drops_of NS REASON: 0 for a kind without drop reasons
	[ "$KIND" != weft ] || ethtool_stat "$1" wt0 "$2"
}

no_peer() {
	local drops output errors

	allow 0 ""
	drops=$(drops_of a tx_drop_destination) errors=$(link_stat a wt0 tx_errors)
	output=$(ns a ping -n -c 1 -W 2 10.64.0.1 || true)
	expect_match "answer" "$output" "From 10.9.0.1 icmp_seq=1 Destination Host Unreachable"
	output=$(ns a ping -n -c 1 -W 2 fd64::1 || true)
	expect_match "answer" "$output" "From fd09::1 icmp_seq=1 Destination unreachable: Address unreachable"
	expect_eq "errors" $(($(link_stat a wt0 tx_errors) - errors)) 2
	[ "$KIND" != weft ] || expect_eq "tx_drop_destination" $(($(drops_of a tx_drop_destination) - drops)) 2
}

no_endpoint() {
	local drops output

	new_key b.nowhere
	peer_add a wt0 b nowhere 10.64.0.1/32,fd64::1/128
	drops=$(drops_of a tx_drop_no_endpoint)
	output=$(ns a ping -n -c 1 -W 2 10.64.0.1 || true)
	expect_match "answer" "$output" "From 10.9.0.1 icmp_seq=1 Destination Host Unreachable"
	output=$(ns a ping -n -c 1 -W 2 fd64::1 || true)
	expect_match "answer" "$output" "From fd09::1 icmp_seq=1 Destination unreachable: Address unreachable"
	[ "$KIND" != weft ] || expect_eq "tx_drop_no_endpoint" $(($(drops_of a tx_drop_no_endpoint) - drops)) 2
	peer_remove a wt0 b nowhere
}

# ---- the own address outside ----

wire() { # wire NAME FILTER: packets of a's capture that match
	capture_count "$1" "$2"
}

# The responder has two addresses, and answers from the destination of the initiation: handshake and data.
sticky_source() { # sticky_source FAMILY-FILTER FIRST SECOND SECOND-ENDPOINT
	local family=$1 first=$2 second=$3

	addr_add b vb "$second/$([ "$family" = ip ] && echo 24 || echo 64)"
	# Otherwise b, whose last packet has no answer yet, might initiate before a does on a slow machine.
	[ "$SLOW" = 1 ] || pause 12
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	addr_add a wt0 fd09::1/64
	peer_set a wt0 b wt0 endpoint "$4"
	capture_start sticky a va udp
	expect ns a ping -n -c 2 -i 0.2 -W 5 10.9.0.2
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	capture_stop sticky
	expect_eq "a's endpoint" "$(peer_field a wt0 b wt0 endpoint)" "$4"
	expect_eq "messages from the second address" "$(wire sticky "$family and src host $second")" 4
	expect_eq "messages from the first address" "$(wire sticky "$family and src host $first")" 0

	# After the second address is deleted, b sends from the first one, and a's endpoint follows.
	ns_ip b addr del "$second/$([ "$family" = ip ] && echo 24 || echo 64)" dev vb
	capture_start gone a va udp
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	capture_stop gone
	expect_eq "messages from the first address" "$(wire gone "$family and src host $first")" 1
	expect_eq "handshakes" "$(wire gone "$(type_filter 1)")" 0
}

sticky_source_v4() {
	sticky_source ip 192.0.2.2 192.0.2.3 192.0.2.3:51820
	expect_eq "a's endpoint" "$(peer_field a wt0 b wt0 endpoint)" 192.0.2.2:51820
}

# The kernel prefers the address that was added first or last: the first one becomes the only candidate.
sticky_source_v6() {
	sticky_source ip6 2001:db8::2 2001:db8::3 '[2001:db8::3]:51820'
	expect_eq "a's endpoint" "$(peer_field a wt0 b wt0 endpoint)" '[2001:db8::2]:51820'
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

second_link() {
	veth_link a va2 b vb2
	addr_add a va2 198.51.100.1/24 2001:db8:2::1/64
	addr_add b vb2 198.51.100.2/24 2001:db8:2::2/64
	defer ns_ip a link del va2
}

# A more specific route to the peer is used, with its own source address.
better_route() {
	second_link
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	ns b sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.vb.rp_filter=0
	ns a sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.va2.rp_filter=0
	ns_ip b route add 192.0.2.1/32 dev vb2 via 198.51.100.1
	capture_start better a va2 udp
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	capture_stop better
	expect_eq "messages by the better route" "$(wire better "src host 198.51.100.2")" 1
	expect_eq "a's endpoint" "$(peer_field a wt0 b wt0 endpoint)" 198.51.100.2:51820
	ns_ip b route del 192.0.2.1/32
}

# The interface on which a peer's packets arrived is deleted.
interface_gone() { # interface_gone ENDPOINT ROUTE-TO-A VIA-FIRST
	second_link
	peer_set a wt0 b wt0 endpoint "$1"
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect_eq "a's endpoint" "$(peer_field a wt0 b wt0 endpoint)" "$1"
	ns_ip b route add "$2" via "$3" metric 4096
	ns_ip a link del va2
	ns_ip a addr add "$2" dev lo
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	ns_ip a addr del "$2" dev lo
	ns_ip b route del "$2" via "$3"
}

interface_gone_v4() {
	interface_gone 198.51.100.2:51820 198.51.100.1/32 192.0.2.1
	expect_eq "a's endpoint" "$(peer_field a wt0 b wt0 endpoint)" 192.0.2.2:51820
}

interface_gone_v6() {
	interface_gone '[2001:db8:2::2]:51820' 2001:db8:2::1/128 2001:db8::1
	expect_eq "a's endpoint" "$(peer_field a wt0 b wt0 endpoint)" '[2001:db8::2]:51820'
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

# ---- families, hub, NAT ----

inner_in_outer() { # inner_in_outer ENDPOINT FILTER
	local said

	peer_set a wt0 b wt0 endpoint "$1"
	capture_start families a va udp
	expect ns a ping -n -c 2 -i 0.2 -W 5 10.9.0.2
	expect ns a ping -n -c 2 -i 0.2 -W 5 fd09::2
	capture_stop families
	said=$(capture_count families)/$(capture_count families "$2")
	[ "$said" = 8/8 ] || capture_dump families | sed 's/^/# /'
	expect_eq "messages" "$said" 8/8
	transfer a b 10.9.0.2 100000
	transfer b a fd09::1 100000
}

# a and c are peers of b only; b forwards packets through the interface that it received them from.
#   a 10.9.0.1 --- b 10.9.0.2 --- c 10.9.0.3
#	 a 10.9.0.1 --- b 10.9.0.2 --- c 10.9.0.3
hub() {
	local output

	ns_create c
	veth_link b vbc c vc
	addr_add b vbc 203.0.113.2/24
	addr_add c vc 203.0.113.3/24
	tunnel_create c wt0 10.9.0.3/24 fd09::3/64
	peer_add c wt0 b wt0 10.9.0.0/24,fd09::/64 endpoint 203.0.113.2:51820
	peer_add b wt0 c wt0 10.9.0.3/32,fd09::3/128
	peer_set a wt0 b wt0 allowed-ips 10.9.0.0/24,fd09::/64
	forwarding_on b
	session_up c wt0 b wt0 10.9.0.2
	output=$(ns a ping -n -c 2 -i 0.2 -W 5 10.9.0.3)
	expect_eq "redirects" "$(grep -c -i redirect <<<"$output" || true)" 0
	expect_match "hops" "$output" "ttl=63"
	expect ns c ping -n -c 2 -i 0.2 -W 5 fd09::1
	transfer a c 10.9.0.3 200000
	transfer c a fd09::1 200000
	peer_remove b wt0 c wt0
	allow 0 ""
}

# A router masquerades c; it loses its mappings, and then maps c to another port.
#   c 10.0.0.3 --- r 10.0.0.1, 203.0.113.1 (masquerades) --- b 203.0.113.2
#	 c 10.0.0.3 --- r 10.0.0.1, 203.0.113.1 (masquerades) --- b 203.0.113.2
nat() {
	local first

	ns_create c r
	veth_link c vc r vrc
	veth_link r vrb b vbr
	addr_add c vc 10.0.0.3/24
	addr_add r vrc 10.0.0.1/24
	addr_add r vrb 203.0.113.1/24
	addr_add b vbr 203.0.113.2/24
	ns_ip c route add default via 10.0.0.1
	forwarding_on r
	ns r nft -f - <<<'table ip n {
		chain post { type nat hook postrouting priority 100; oifname "vrb" udp sport 51820 masquerade to :1000-1999 random; }
	}'
	tunnel_create c wt0 10.9.0.3/24
	peer_add c wt0 b wt0 10.9.0.2/32 endpoint 203.0.113.2:51820
	peer_add b wt0 c wt0 10.9.0.3/32
	expect ns c ping -n -c 1 -W 5 10.9.0.2
	first=$(peer_field b wt0 c wt0 endpoint)
	expect_match "b's endpoint" "$first" '^203\.0\.113\.1:1[0-9]{3}$'
	ns r nft -f - <<<'flush chain ip n post
		add rule ip n post oifname "vrb" udp sport 51820 masquerade to :2000-2999'
	ns r python3 "$test_dir/packets.py" forget-connections
	expect ns c ping -n -c 1 -W 5 10.9.0.2
	expect_match "b's endpoint" "$(peer_field b wt0 c wt0 endpoint)" '^203\.0\.113\.1:2[0-9]{3}$'
	expect ns b ping -n -c 1 -W 5 10.9.0.3
	peer_remove b wt0 c wt0
}

# shellcheck disable=SC2119 # without arguments
pair_create
more_peers
run_case "the longest prefix wins" longest_prefix_wins
run_case "a prefix moves to another peer" prefixes_move
run_case "default routes match last" default_routes
run_case "a wrong inner source is dropped" wrong_source_dropped
run_case "no peer: the sender gets an error" no_peer
run_case "no endpoint: the sender gets an error" no_endpoint
run_case "answers have the request's destination as source, over IPv4" sticky_source_v4
run_case "answers have the request's destination as source, over IPv6" sticky_source_v6
run_case "a better route is used" better_route
run_case "the interface in use is deleted, over IPv4" interface_gone_v4
run_case "the interface in use is deleted, over IPv6" interface_gone_v6
run_case "both families inside IPv4" inner_in_outer 192.0.2.2:51820 "ip"
run_case "both families inside IPv6" inner_in_outer '[2001:db8::2]:51820' "ip6"
run_case "a hub forwards between spokes" hub
run_case "a peer behind NAT, whose mapping changes" nat
