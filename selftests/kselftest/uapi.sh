#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Behaviour that WireGuard's users rely on and other tests do not cover: the first message is sent at once, cookie
# replies in the counters, and ICMP errors to a sender behind NAT. (Sizes and marks are in link.sh, keys in keys.sh,
# sources and routes in routing.sh, loops in nesting.sh, large dumps in dump.sh.)
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

# ---- the first message ----

zeros=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

received_by_b() { # received_by_b BYTES
	[ "$(link_stat b wt0 rx_bytes)" -ge "$1" ]
}

a_sent_nothing() {
	expect_eq "messages that a sent" "$(link_stat a wt0 tx_packets)" 0
}

b_received_nothing() { # b_received_nothing BEFORE
	expect_eq "bytes that b received" "$(link_stat b wt0 rx_bytes)" "$1"
}

# Within two seconds of COMMAND a sends an initiation and a keepalive to b, without any data.
initiates_at_once() { # initiates_at_once COMMAND...
	local before sent

	before=$(link_stat b wt0 rx_bytes)
	sent=$(link_stat a wt0 tx_packets)
	"$@"
	wait_for 2 received_by_b $((before + 148 + 32))
	expect_eq "bytes that b received" $(($(link_stat b wt0 rx_bytes) - before)) $((148 + 32))
	expect_eq "messages that a sent" $(($(link_stat a wt0 tx_packets) - sent)) 2
}

# Both tunnels are new; a has b's key and endpoint, and a persistent keepalive.
quiet_pair() {
	pair_tunnels_create
	ns_ip a link set wt0 down
	peer_set a wt0 b wt0 persistent-keepalive 60
}

at_once_when_up() {
	quiet_pair
	expect_eq "messages sent while down" "$(link_stat a wt0 tx_packets)" 0
	initiates_at_once ns_ip a link set wt0 up
	expect_ne "latest handshake" "$(peer_field a wt0 b wt0 handshake)" 0
}

# A link that is up without a private key sends nothing; setting the key starts the handshake.
at_once_with_key() {
	quiet_pair
	echo $zeros >"$lib_work/zeros"
	tunnel_set a wt0 private-key "$lib_work/zeros"
	ns_ip a link set wt0 up
	holds_for 6 a_sent_nothing
	initiates_at_once tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
}

at_once_with_keepalive() {
	quiet_pair
	peer_set a wt0 b wt0 persistent-keepalive 0
	ns_ip a link set wt0 up
	holds_for 3 a_sent_nothing
	initiates_at_once peer_set a wt0 b wt0 persistent-keepalive 60
}

echoes_of_a() {
	udp_stat a IcmpOutEchos
}

a_pinged() { # a_pinged BEFORE
	[ "$(echoes_of_a)" -gt "$1" ]
}

# A packet that is staged for lack of a key is sent once the key is set, and no keepalive is needed.
waiting_packet() {
	local before echoes

	pair_tunnels_create
	echo $zeros >"$lib_work/zeros"
	tunnel_set a wt0 private-key "$lib_work/zeros"
	before=$(link_stat b wt0 rx_bytes)
	echoes=$(echoes_of_a)
	ns_run echo a ping -n -c 1 -W "$(stretched 20)" 10.9.0.2
	wait_for 10 a_pinged "$echoes"
	holds_for 1 b_received_nothing "$before"
	tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
	expect ns_wait echo 20
	expect_eq "bytes that b received" $(($(link_stat b wt0 rx_bytes) - before)) $((148 + 128))
}

# ---- cookies in the counters ----

# b initiates while a is under load. a answers b's first initiation, and the flood, by cookie replies of 64 bytes, counted
# as sent on a's link. They belong to no peer, and their receiver does not count them. b counts each of its initiations, a
# only the accepted one, which it answers. (In the in-tree module b is under load when a is: it may answer the response by
# a cookie reply.)
cookie_counted() {
	local packets calls responses cookies

	pair_tunnels_create
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	capture_start cookie b vb "udp src port 51820 and dst port 51820"
	flood_start 20
	expect ns b ping -n -c 1 -W 20 10.9.0.1
	flood_stop
	capture_stop cookie
	calls=$(capture_count cookie "$(type_filter 1)")
	responses=$(capture_count cookie "$(type_filter 2)")
	cookies=$(capture_count cookie "$(type_filter 3) and src host 192.0.2.2")
	expect_gt "initiations" "$calls" "$responses"
	expect_gt "cookies for them" "$(capture_count cookie "$(type_filter 3) and src host 192.0.2.1")" 0
	# Ten seconds after the echo's answer b sends a keepalive; both ends are idle then.
	wait_for 20 link_received a wt0 $((responses * 148 + 128))
	expect_eq "b's peer: received, sent" "$(peer_field b wt0 a wt0 rx) $(peer_field b wt0 a wt0 tx)" \
		"$((92 + 128)) $((calls * 148 + 128 + 32))"
	expect_eq "b's link: received, sent" "$(link_stat b wt0 rx_bytes) $(link_stat b wt0 tx_bytes)" \
		"$((92 + 128)) $((calls * 148 + 128 + 32 + cookies * 64))"
	expect_eq "a's peer: received, sent" "$(peer_field a wt0 b wt0 rx) $(peer_field a wt0 b wt0 tx)" \
		"$((responses * 148 + 128 + 32)) $((responses * 92 + 128))"
	expect_eq "a's link: received" "$(link_stat a wt0 rx_bytes)" "$((responses * 148 + 128 + 32))"
	packets=$(link_stat a wt0 tx_packets)
	expect_gt "messages sent by a" "$packets" $((responses + 1))
	expect_eq "bytes sent by a" "$(link_stat a wt0 tx_bytes)" $((responses * 92 + 128 + 64 * (packets - responses - 1)))
}

# ---- errors behind NAT ----

# a masquerades c's packets into its tunnel. When a has no peer for them, c gets an ICMP error from its router about its
# own packet, and no error is sent elsewhere.
#	 c 10.0.0.3, fd00::3 --- a 10.0.0.1, fd00::1 (masquerades into wt0) --- b
behind_nat_create() {
	pair_tunnels_create
	ns_create c
	veth_link c vc a vac
	addr_add c vc 10.0.0.3/24 fd00::3/64
	addr_add a vac 10.0.0.1/24 fd00::1/64
	ns_ip c route add 10.9.0.0/24 via 10.0.0.1
	ns_ip c route add fd09::/64 via fd00::1
	forwarding_on a
	ns a nft -f - <<<'table inet n {
		chain post { type nat hook postrouting priority 100; iifname "vac" oifname "wt0" masquerade; }
	}'
	defer ns a nft delete table inet n
}

error_behind_nat() { # error_behind_nat TEXT4 TEXT6
	local output

	capture_start told c vc "icmp[0] = 3 or icmp6[0] = 1"
	output=$(ns c ping -n -c 1 -W 2 10.9.0.2 || true)
	expect_match "error that c gets" "$output" "From 10\.0\.0\.1 icmp_seq=1 $1"
	output=$(ns c ping -n -c 1 -W 2 fd09::2 || true)
	expect_match "error that c gets in IPv6" "$output" "From fd00::1 icmp_seq=1 $2"
	capture_stop told
	expect_eq "errors" "$(capture_count told)" 2
	expect_eq "errors that quote c's own packet" \
		"$(capture_count told "(icmp and src 10.0.0.1 and icmp[20:4] = 0x0a000003) or (src fd00::1 and ip6[56:4] = 0xfd000000)")" 2
}

errors_behind_nat() {
	behind_nat_create
	expect ns c ping -n -c 1 -W 5 10.9.0.2
	expect ns c ping -n -c 1 -W 5 fd09::2
	peer_remove a wt0 b wt0
	error_behind_nat "Destination Host Unreachable" "Destination unreachable: Address unreachable"
	peer_add a wt0 b wt0 10.9.0.2/32,fd09::2/128
	error_behind_nat "Destination Host Unreachable" "Destination unreachable: Address unreachable"
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	expect ns c ping -n -c 1 -W 8 10.9.0.2
}

pair_underlay_create
run_case "a keepalive at once when the link comes up" at_once_when_up
run_case "a keepalive at once when the key is set" at_once_with_key
run_case "a keepalive at once when it is configured" at_once_with_keepalive
run_case "a staged packet is sent when the key is set" waiting_packet
run_case "cookie replies in the counters" cookie_counted
run_case "ICMP errors reach the sender behind NAT" errors_behind_nat
