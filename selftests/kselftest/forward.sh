#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A router with a tunnel forwards other packets unchanged: packets to the same port of another host, and packets to
# its own port that are redirected to another host, including all differences between successive packets. Packets for
# the tunnel keep their own congestion marks, and messages of one flow are merged by GRO.
# series: 6.1 uml
#
#	 namespace c                         namespace a                      namespace b
#	 198.51.100.2 vc ------- veth ------ vac   wt0   va ------ veth ----- vb 192.0.2.2
#	 2001:db8:51::2                                                          2001:db8::2
. "$(dirname "$0")/lib.sh"

skip_unless_weft
pair_underlay_create
ns_create c
veth_link c vc a vac
addr_add c vc 198.51.100.2/24 2001:db8:51::2/64
addr_add a vac 198.51.100.1/24 2001:db8:51::1/64
ns_ip b route add 198.51.100.0/24 via 192.0.2.1
ns_ip b -6 route add 2001:db8:51::/64 via 2001:db8::1
forwarding_on a
wire_offloads_off c vc a vac
wire_offloads_off a va b vb
# Forwarded packets have a complete checksum.
ns a ethtool -K va tx off
# Packets that arrive within a tick are merged by GRO.
ip netns exec "$(ns_name a)" sh -c 'for dev in va vac; do echo 20000000 >/sys/class/net/$dev/gro_flush_timeout; done'
ns a ping -n -c 1 -W 5 192.0.2.2 >/dev/null
ns a ping -n -c 1 -W 5 2001:db8::2 >/dev/null

packets() { # packets TO FILE: as b receives them
	local mac sent count=72

	[[ $1 != *:* ]] || count=48
	mac=$(link_file a vac address)
	ns_run watch b python3 "$test_dir/forward.py" watch vb "$count"
	wait_for 100 grep -q listening "$(ns_output watch)"
	sent=$(ns c python3 "$test_dir/forward.py" send vc "$mac" "$1")
	expect_eq "packets sent" "$sent" "$count"
	expect ns_wait watch
	cp "$(ns_output watch)" "$2"
}

forwarded() { # forwarded TO [in_any_order]
	packets "$1" "$lib_work/without"
	tunnel_create a wt0 10.9.0.1/24
	packets "$1" "$lib_work/with"
	[ "${2-}" != in_any_order ] || sort -o "$lib_work/without" "$lib_work/without"
	[ "${2-}" != in_any_order ] || sort -o "$lib_work/with" "$lib_work/with"
	diff "$lib_work/without" "$lib_work/with" || fail "with a tunnel these are other packets"
	expect_eq "lines" "$(wc -l <"$lib_work/with")" $(($(wc -l <"$lib_work/without")))
	expect_ne "packets" "$(grep -c only "$lib_work/with" || true)" 1
}

# GRO treats datagrams without a checksum as another flow, and they overtake those with one.
redirected() {
	ns a nft -f - <<<"table ip weft {
		chain pre { type nat hook prerouting priority -100; ip daddr 198.51.100.1 udp dport 51820 dnat to 192.0.2.2; }
	}"
	defer ns a nft delete table ip weft
	forwarded 198.51.100.1 in_any_order
}

congestion() {
	program_create
	program all >"$lib_work/program" 2>&1 || cat "$lib_work/program"
	program_passed marks
}

tracing=/sys/kernel/tracing

trace_stop() {
	echo 0 >$tracing/events/net/netif_receive_skb/enable
	echo >$tracing/trace
}

# Received packets that consist of several messages.
gathered() {
	awk -F 'len=' '/netif_receive_skb: dev=va / && $2 > 4000 { n++ } END { print n + 0 }' $tracing/trace
}

messages_are_gathered() { # messages_are_gathered ADDRESS
	tunnel_create a wt0 10.9.0.1/24
	tunnel_create b wt0 10.9.0.2/24
	peer_add a wt0 b wt0 10.9.0.2/32
	peer_add b wt0 a wt0 10.9.0.1/32 endpoint "$1:51820"
	session_up b wt0 a wt0 10.9.0.1
	[ -e $tracing/events ] || mount -t tracefs none $tracing
	defer trace_stop
	echo >$tracing/trace
	echo 1 >$tracing/events/net/netif_receive_skb/enable
	transfer b a 10.9.0.1 2000000
	note "packets with several messages: $(gathered)"
	expect_gt "packets with several messages" "$(gathered)" 1
}

run_case "forwarded to the port of another host, over IPv4" forwarded 192.0.2.2
run_case "and over IPv6" forwarded 2001:db8::2
run_case "redirected from the tunnel's own port" redirected
run_case "each packet's congestion mark arrives" congestion
run_case "messages of one flow are merged, IPv4 outside" messages_are_gathered 192.0.2.1
run_case "and IPv6 outside" messages_are_gathered '[2001:db8::1]'
