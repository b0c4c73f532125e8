#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The path MTU: large packets reach a narrow hop, whose router sends ICMP errors or none. Inner senders get the path
# MTU, other packets are fragmented outside, and no stream hangs.
#
#   c 10.8.0.2 -------- a 192.0.2.1 ---------- r1 198.51.100.1 -------- r2 198.51.100.2 ---------- b 203.0.113.2
#                         2001:db8:1::1           2001:db8:2::1            2001:db8:2::2             2001:db8:3::2
#     10.8.0.1          wt0 10.9.0.1                                                               wt0 10.9.0.2
#                           fd09::1                                                                    fd09::2
#
# timeout: 2400
#
# Every link takes 9,000 bytes; that between the routers less, in most cases.
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

skip_unless_weft

# ---- the underlay ----

underlay_create() {
	ns_create a r1 r2 b c
	veth_link c vc a vac
	veth_link a va r1 r1a
	veth_link r1 r1r r2 r2r
	veth_link r2 r2b b vb
	addr_add c vc 10.8.0.2/24 fd08::2/64
	addr_add a vac 10.8.0.1/24 fd08::1/64
	addr_add a va 192.0.2.1/24 2001:db8:1::1/64
	addr_add r1 r1a 192.0.2.2/24 2001:db8:1::2/64
	addr_add r1 r1r 198.51.100.1/24 2001:db8:2::1/64
	addr_add r2 r2r 198.51.100.2/24 2001:db8:2::2/64
	addr_add r2 r2b 203.0.113.1/24 2001:db8:3::1/64
	addr_add b vb 203.0.113.2/24 2001:db8:3::2/64
	ns_ip_batch c "link set vc mtu 9000" "route add default via 10.8.0.1" "route add default via fd08::1"
	ns_ip_batch a "link set vac mtu 9000" "link set va mtu 9000" "route add default via 192.0.2.2" \
		"route add default via 2001:db8:1::2"
	ns_ip_batch r1 "link set r1a mtu 9000" "link set r1r mtu 9000" "route add 203.0.113.0/24 via 198.51.100.2" \
		"route add 2001:db8:3::/64 via 2001:db8:2::2"
	ns_ip_batch r2 "link set r2r mtu 9000" "link set r2b mtu 9000" "route add 192.0.2.0/24 via 198.51.100.1" \
		"route add 2001:db8:1::/64 via 2001:db8:2::1"
	ns_ip_batch b "link set vb mtu 9000" "route add default via 203.0.113.1" "route add default via 2001:db8:3::1"
	forwarding_on a
	forwarding_on r1
	forwarding_on r2
}

# The learnt path MTUs are dropped at the end of the case.
hop_takes() { # hop_takes BYTES
	ns_ip r1 link set r1r mtu "$1"
	ns_ip r2 link set r2r mtu "$1"
}

routers_are_silent() {
	local router

	for router in r1 r2; do
		ns "$router" nft -f - <<<"table inet silent {
			chain out {
				type filter hook output priority 0;
				icmp type destination-unreachable drop
				icmpv6 type packet-too-big drop
			}
		}"
		defer ns "$router" nft delete table inet silent
	done
}

forget_learnt() {
	local name

	for name in a b c; do
		ns_ip "$name" -4 route flush cache
		ns_ip "$name" -6 route flush cache
	done
}

# ---- the tunnel ----

endpoint_of_b() { # endpoint_of_b FAMILY
	if [ "$1" = 4 ]; then echo 203.0.113.2:51820; else echo '[2001:db8:3::2]:51820'; fi
}

# Only a's device has pmtu on; KIND_B is the kind of the end that answers probes.
tunnel_up() { # tunnel_up FAMILY [SET ARGS...]
	local family=$1

	shift
	# The last deferred command: a search may still set a path MTU when the case ends.
	defer forget_learnt
	tunnel_create a wt0 10.9.0.1/24 fd09::1/64
	tunnel_create_kind "${KIND_B:-weft}" b wt0 10.9.0.2/24 fd09::2/64
	ns_ip a link set wt0 mtu 8920
	ns_ip b link set wt0 mtu 8920
	tunnel_set a wt0 pmtu on "$@"
	peer_add a wt0 b wt0 10.9.0.2/32,fd09::2/128 endpoint "$(endpoint_of_b "$family")"
	peer_add b wt0 a wt0 10.9.0.1/32,fd09::1/128,10.8.0.0/24,fd08::/64
	ns_ip b route add 10.8.0.0/24 dev wt0
	ns_ip b route add fd08::/64 dev wt0
	session_up a wt0 b wt0 10.9.0.2
}

path_mtu() {
	ns a weft -j show wt0 | sed -n 's/.*"path-mtu": *\([0-9]*\).*/\1/p'
}

# The overhead of the outer packet.
overhead() { # overhead FAMILY
	if [ "$1" = 4 ]; then echo 60; else echo 80; fi
}

# A stream from one namespace to b, which has to end within SECONDS.
stream() { # stream NS ADDRESS BYTES SECONDS [TITLE]
	local host=$2 before port=7007

	case $host in
	*:*)
		host="[$host]"
		;;
	esac
	ns_run sink b sh -c "socat -u TCP6-LISTEN:$port,reuseaddr,ipv6only=0 - | wc -c"
	wait_for 20 tcp_listening b "$port"
	before=$(now_ms)
	ns "$1" timeout "$4" sh -c "head -c $3 /dev/zero | socat -u - TCP:$host:$port" ||
		fail "a stream of $3 bytes to $2 was not through in $4 s"
	ns_wait sink 30
	expect_eq "bytes that arrived" "$(cat "$(ns_output sink)")" "$3"
	set_value ms $(($(now_ms) - before))
	note "${5-stream} to $2: $3 bytes in $(value ms) ms"
}

# No timeout was waited for: a router's ICMP error answered the first packet, and was passed to the sender.
expect_at_once() {
	expect_lt "milliseconds" "$(value ms)" "$(late 1000)"
}

# ---- routers that send ICMP errors ----

routers_send_errors() { # routers_send_errors FAMILY
	local limit

	limit=$((1280 - $(overhead "$1")))
	tunnel_up "$1"
	stream a 10.9.0.2 "$(sized 1000000 400000)" 10 "router speaks, IPv$1 outside,"
	expect_at_once
	expect_eq "path MTU" "$(path_mtu)" "$limit"
	stream a fd09::2 "$(sized 1000000 400000)" 10 "router speaks, IPv$1 outside,"
	expect_at_once
	expect_gt "ICMP errors sent" "$(ethtool_stat a wt0 tx_drop_too_big)" 0
}

# An inner packet above the path MTU, from a program that forbids fragments, and from one that does not.
datagrams() { # datagrams FAMILY
	local limit

	limit=$((1280 - $(overhead "$1")))
	tunnel_up "$1"
	# The packet's ICMP error sets the path MTU.
	expect_fail ns a ping -n -M "do" -c 1 -W 1 -s 4000 10.9.0.2
	expect_match "error of the sender" "$(ns a ping -n -M "do" -c 1 -W 1 -s 4000 10.9.0.2 2>&1)" \
		"From 10.9.0.1 icmp_seq=1 Frag needed and DF set \(mtu = $limit\)"
	expect_match "error of the next sender" "$(ns a ping -n -M "do" -c 1 -W 1 -s 4000 10.9.0.2 2>&1)" \
		"message too long, mtu[=:] ?$limit"
	expect ns a ping -n -M "do" -c 1 -W 5 -s $((limit - 28)) 10.9.0.2
	expect_fail ns a ping -n -M "do" -c 1 -W 1 -s $((limit - 27)) 10.9.0.2
	# The sender fragments: the answer may be lost until b's kernel has the path MTU.
	wait_for 10 ns a ping -n -M "dont" -c 1 -W 1 -s 4000 10.9.0.2
	# The route cache is flushed, and the sender allows fragments: outer packets are fragmented.
	ns_ip a -4 route flush cache
	ns_ip a -6 route flush cache
	capture_start whole b wt0 "icmp and dst host 10.9.0.2 and greater 4000"
	wait_for 10 ns a ping -n -M "dont" -c 1 -W 1 -s 4000 10.9.0.2
	capture_stop whole
	expect_gt "unfragmented inner packets" "$(capture_count whole)" 0
}

# IPv6 guarantees 1,280 bytes: for a smaller path MTU packets are fragmented outside.
smallest_of_v6() { # smallest_of_v6 FAMILY
	tunnel_up "$1"
	expect_fail ns a ping -n -M "do" -c 1 -W 1 -s 4000 10.9.0.2
	wait_for 10 ns a ping -n -c 1 -W 1 -s 1232 fd09::2
	expect_match "error of the sender" "$(ns a ping -n -M "do" -c 1 -W 1 -s 1233 fd09::2 2>&1)" \
		'Packet too big: mtu=1280'
}

# A sender behind a gets its ICMP errors from a.
forwarded() {
	tunnel_up 4
	stream c 10.9.0.2 "$(sized 1000000 400000)" 10 "forwarded,"
	expect_at_once
	stream c fd09::2 "$(sized 1000000 400000)" 10 "forwarded,"
	expect_at_once
	expect_match "source of the error" "$(ns c ping -n -M "do" -c 1 -W 1 -s 3000 10.9.0.2 2>&1)" \
		'From 10.8.0.1 icmp_seq=1 Frag needed and DF set \(mtu = 1220\)|message too long, mtu[=:] ?1220'
}

# The mark selects the routing table of outer packets; ICMP errors refer to routes of that table.
marked() {
	ns_ip a rule add fwmark 0x51 lookup 51
	defer ns_ip a rule del fwmark 0x51 lookup 51
	ns_ip a route add default via 192.0.2.2 table 51
	defer ns_ip a route del default via 192.0.2.2 table 51
	tunnel_up 4 fwmark 0x51
	ns_ip a route replace default dev wt0
	defer ns_ip a route replace default via 192.0.2.2
	stream a 10.9.0.2 "$(sized 1000000 400000)" 10 "with a mark,"
	expect_at_once
	expect_eq "path MTU" "$(path_mtu)" 1220
}

# ---- routers that are silent ----

# Whether a packet of a's arrives at b: the answer may exceed the path MTU of the way back, of which b has no
# information.
reaches_b() { # reaches_b PING-ARGUMENTS...
	capture_start reaching b wt0 "dst host 10.9.0.2 or dst host fd09::2"
	ns a ping -n -c 1 -W 1 "$@" || :
	capture_stop reaching
	expect_gt "packets that got there" "$(capture_count reaching)" 0
}

over_silent_routers() { # over_silent_routers FAMILY
	local limit

	limit=$((1280 - $(overhead "$1")))
	routers_are_silent
	tunnel_up "$1"
	capture_start answers a wt0 "icmp[icmptype] == icmp-echoreply or (icmp6 and ip6[40] == 129)"
	stream a 10.9.0.2 "$(sized 1000000 400000)" 20 "silent router, IPv$1 outside, ${KIND_B:-weft} answers,"
	# The stream may end before the search does.
	pause 3
	capture_stop answers
	expect_eq "path MTU" "$(path_mtu)" "$limit"
	expect_eq "answers to probes that reach the stack" "$(capture_count answers)" 0
	stream a fd09::2 "$(sized 1000000 400000)" 20 "silent router, IPv$1 outside, ${KIND_B:-weft} answers,"
	# Packets that cannot be shortened are sent in fragments of the right size.
	reaches_b -s 1232 fd09::2
	reaches_b -M "dont" -s 4000 10.9.0.2
}

wireguard_answers() {
	local KIND_B=wireguard

	over_silent_routers 4
}

over_v6_inside() {
	routers_are_silent
	tunnel_up 4
	stream a fd09::2 "$(sized 1000000 400000)" 20 "silent router, the first stream is IPv6,"
	expect_eq "path MTU" "$(path_mtu)" 1220
}

# Without answers the path MTU stays unknown and unchanged.
no_answers() {
	routers_are_silent
	tunnel_up 4
	ns b sysctl -qw net.ipv4.icmp_echo_ignore_all=1
	defer ns b sysctl -qw net.ipv4.icmp_echo_ignore_all=0
	ns_run big a ping -n -q -M "do" -i 0.5 -c 12 -s 4000 10.9.0.2
	ns_wait big || :
	expect_eq "path MTU" "$(path_mtu)" 8940
	expect_eq "ICMP errors sent" "$(ethtool_stat a wt0 tx_drop_too_big)" 0
}

# ---- later ----

wide_path() {
	hop_takes 9000
	defer hop_takes 1280
	tunnel_up 4
	capture_start fragments b vb "src host 192.0.2.1 and ip[6:2] != 0x4000"
	stream a 10.9.0.2 3000000 10 "jumbo frames all the way,"
	expect_at_once
	stream a fd09::2 3000000 10 "jumbo frames all the way,"
	expect_at_once
	capture_stop fragments
	expect_eq "path MTU" "$(path_mtu)" 8940
	expect_eq "ICMP errors sent" "$(ethtool_stat a wt0 tx_drop_too_big)" 0
	expect_eq "fragments, and messages that may become some" "$(capture_count fragments)" 0
}

# The kernel keeps a learnt path MTU for ten minutes by default.
learnt_is_forgotten() { # learnt_is_forgotten [SILENT]
	local expires

	[ -z "${1-}" ] || "$1"
	expires=$(ns a sysctl -n net.ipv4.route.mtu_expires)
	expect_eq "lifetime of a learnt path MTU" "$expires" 600
	tunnel_up 4
	stream a 10.9.0.2 "$(sized 1000000 400000)" 20 "at first,"
	# A search that was started takes three seconds.
	pause 4
	expect_eq "path MTU" "$(path_mtu)" 1220
	hop_takes 9000
	defer hop_takes 1280
	pause 580
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect_eq "path MTU before the time is over" "$(path_mtu)" 1220
	pause 30
	wait_for 30 path_is_wide
	stream a 10.9.0.2 "$(sized 1000000 400000)" 10 "afterwards,"
	expect_at_once
	expect_eq "path MTU afterwards" "$(path_mtu)" 8940
}

# Only large packets start a search.
path_is_wide() {
	ns a ping -n -M "do" -c 1 -W 1 -s 4000 10.9.0.2
}

# ---- settings ----

without() {
	tunnel_up 4
	tunnel_set a wt0 pmtu off
	capture_start outer r1 r1a "src host 192.0.2.1 and udp dst port 51820 and ip[6:2] & 0x4000 != 0"
	stream a 10.9.0.2 300000 10 "pmtu off,"
	expect_at_once
	capture_stop outer
	expect_eq "messages that forbid fragments" "$(capture_count outer)" 0
	expect_eq "path MTU" "$(path_mtu)" ""
}

refusals() {
	tunnel_create a wt0
	expect_error "'maybe' is neither 'on' nor 'off'" tunnel_set a wt0 pmtu maybe
	expect_error "'64' is not a DSCP" tunnel_set a wt0 dscp 64
	ns_ip a link add wg9 type wireguard
	defer ns_ip a link del wg9
	expect_error "'pmtu' needs a link of kind weft" ns a weft set wg9 pmtu on
}

# DS field and DSCP of a's messages: with data, keepalives, handshakes.
dscp_of() { # dscp_of SETTING DATA HANDSHAKE: with an inner DS field of 0xb8
	tunnel_set a wt0 dscp "$1"
	capture_start "dscp$1" a va "src host 192.0.2.1 and udp dst port 51820"
	expect ns a ping -n -c 1 -W 5 -Q 0xb8 10.9.0.2
	expect ns a ping -n -c 1 -W 5 -Q 0xb8 fd09::2
	peer_remove a wt0 b wt0
	peer_add a wt0 b wt0 10.9.0.2/32,fd09::2/128 endpoint 203.0.113.2:51820
	wait_for 10 ns a ping -n -c 1 -W 1 -Q 0xb8 10.9.0.2
	capture_stop "dscp$1"
	expect_gt "data messages" "$(capture_count "dscp$1" "$(type_filter 4)")" 2
	expect_eq "data of another DS field, dscp $1" "$(capture_count "dscp$1" "$(type_filter 4) and ip[1] != $2")" 0
	expect_gt "initiations" "$(capture_count "dscp$1" "$(type_filter 1)")" 0
	expect_eq "initiations of another DS field, dscp $1" "$(capture_count "dscp$1" "$(type_filter 1) and ip[1] != $3")" 0
}

dscp() {
	hop_takes 9000
	defer hop_takes 1280
	tunnel_up 4
	dscp_of off 0 0x88
	dscp_of inherit 0xb8 0x88
	dscp_of 10 40 40
	expect_match "show" "$(ns a weft show wt0)" 'dscp: 10'
}

# ---- for comparison ----

# The same streams through in-tree wireguard between the same ends.
beside() {
	local address what

	tunnel_create_kind wireguard a wt0 10.9.0.1/24 fd09::1/64
	tunnel_create_kind wireguard b wt0 10.9.0.2/24 fd09::2/64
	ns_ip a link set wt0 mtu 8920
	ns_ip b link set wt0 mtu 8920
	peer_add a wt0 b wt0 10.9.0.2/32,fd09::2/128 endpoint "$(endpoint_of_b "$1")"
	peer_add b wt0 a wt0 10.9.0.1/32,fd09::1/128
	session_up a wt0 b wt0 10.9.0.2
	defer forget_learnt
	for what in speaks "is silent"; do
		[ "$what" = speaks ] || routers_are_silent
		forget_learnt
		attempt stream a 10.9.0.2 "$(sized 1000000 400000)" 20 "in-tree, router $what, IPv$1 outside," ||
			note "in-tree, router $what, IPv$1 outside: hangs"
		ns_stop sink KILL
	done
}

underlay_create
hop_takes 1280
run_case "routers send ICMP errors, IPv4 outside" routers_send_errors 4
run_case "routers send ICMP errors, IPv6 outside" routers_send_errors 6
run_case "datagrams, IPv4 outside" datagrams 4
run_case "datagrams, IPv6 outside" datagrams 6
run_case "IPv6's smallest packet passes, IPv4 outside" smallest_of_v6 4
run_case "IPv6's smallest packet passes, IPv6 outside" smallest_of_v6 6
run_case "senders behind this end" forwarded
run_case "routers send ICMP errors to marked packets" marked
run_case "routers are silent, IPv4 outside" over_silent_routers 4
run_case "routers are silent, IPv6 outside" over_silent_routers 6
run_case "routers are silent, and wireguard answers" wireguard_answers
run_case "routers are silent, IPv6 inside" over_v6_inside
run_case "the peer answers no probes" no_answers
run_case "the path is wide" wide_path
run_case "a learnt path MTU expires" learnt_is_forgotten
run_case "a path MTU that was found is searched again" learnt_is_forgotten routers_are_silent
run_case "off" without
run_case "refusals" refusals
run_case "DSCP" dscp
run_case "in-tree for comparison, IPv4 outside" beside 4
run_case "in-tree for comparison, IPv6 outside" beside 6
