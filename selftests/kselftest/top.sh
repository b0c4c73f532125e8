#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# weft top against the kernel, in plain lines (selftests/tools has the screen): rates are those of the counters, an
# interface that is read without a privilege or vanishes ends it with the reason, and 1,000 peers stay cheap.
# series: 6.1
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

skip_unless_weft

top_line() { # top_line PATTERN: the last line of the last table that has it
	grep -E -- "$1" "$lib_work/top" | tail -n 1
}

top_word() { # top_word PATTERN NUMBER
	top_line "$1" | awk -v number="$2" '{ print $number }'
}

top_tables() { # top_tables NS ARGS...
	ns "$1" weft top "${@:2}" >"$lib_work/top"
}

peer_is_shown() {
	peer_set a wt0 b wt0 name hub
	ns a ping -q -n -c 1 -W 5 10.9.0.2
	expect top_tables a wt0 count 1 every 1
	expect_match "the sums" "$(head -n 1 "$lib_work/top")" '^wt0 ..:..:..: 1 peer, 1 up, '
	expect_match "the titles" "$(sed -n 2p "$lib_work/top")" '^NAME +STATE +RX/s +TX/s +RTT +HANDSHAKE +DROPS +ENDPOINT$'
	expect_match "the peer" "$(top_line '^hub ')" '^hub +up +[0-9]+ +[0-9]+ +[0-9.]+ms +[0-9]+s +[0-9]+ +192\.0\.2\.2:51820$'
}

# An echo of 1000 bytes is a message of 1072, or 16 more.
rates_are_those_of_the_counters() {
	local before after seconds=4 rate

	ns_run pings a ping -n -i 0.1 -s 972 10.9.0.2
	wait_for 10 grep -q time= "$(ns_output pings)"
	before=$(peer_field a wt0 b wt0 rx)
	expect top_tables a wt0 count 1 every $seconds
	after=$(peer_field a wt0 b wt0 rx)
	ns_stop pings INT
	rate=$(top_word '^hub ' 3 | awk '/K$/ { $0 *= 1024 } /M$/ { $0 *= 1048576 } { printf "%d", $0 }')
	expect_gt "bytes per second" "$rate" 1000
	# The counters were read outside of the interval.
	expect_le "bytes in that time" $((rate * seconds)) $((after - before + 100 * seconds))
}

drops_are_counted() {
	local before

	before=$(top_word '^hub ' 7)
	addr_add b lo 10.66.0.1/32
	# b sends from an address that a does not allow it.
	ns b ping -q -n -c 3 -i 0.2 -W 1 -I 10.66.0.1 10.9.0.1 || true
	expect top_tables a wt0 count 1 every 1
	expect_eq "drops" "$(top_word '^hub ' 7)" $((before + 3))
}

refused() {
	expect_error "cannot read interface 'nosuch0'" ns a weft top nosuch0
	expect_error "cannot read interface 'va': the link is of kind 'veth', not weft or wireguard" ns a weft top va
	expect_error "cannot read interface 'wt0': Operation not permitted" \
		ns a setpriv --reuid 65534 --regid 65534 --clear-groups weft top wt0
}

only_one() {
	ns_run top a weft top
	wait_for 10 grep -q '^hub ' "$(ns_output top)"
	ns_stop top
	ns_ip a link add wt1 type weft
	defer ns_ip a link del wt1
	expect_error "top: several interfaces, wt0 and wt1 among them: name one" ns a weft top
	ns_create c
	expect_error "top: there is no interface" ns c weft top
}

interface_vanishes() {
	local status=0

	ns_ip a link add wt1 type weft
	ns a weft set wt1 peer "$(tunnel_key b wt0)"
	ns_run top a weft top wt1 batch every 1
	wait_for 10 grep -q NAME "$(ns_output top)"
	ns_ip a link del wt1
	ns_wait top 20 || status=$?
	expect_eq "status" $status 1
	expect_match "the reason" "$(tail -n 1 "$(ns_output top)")" "^weft: cannot read interface 'wt1': No such device"
}

# The kernel refuses control characters in names, and has marks of writing direction.
hostile_name() {
	peer_set a wt0 b wt0 name $'\xe2\x80\xaehub'
	expect top_tables a wt0 count 1 every 1
	expect_match "the name" "$(tail -n 1 "$lib_work/top")" '^\\xe2\\x80\\xaehub +up '
	peer_set a wt0 b wt0 name hub
}

# A link of the kernel's own driver has no state, round-trip time and drops.
in_tree() {
	modprobe wireguard 2>/dev/null || skip "no in-tree wireguard here"
	defer rmmod wireguard
	ns_ip b link add wg0 type wireguard
	defer ns_ip b link del wg0
	ns b wg set wg0 peer "$(tunnel_key a wt0)" endpoint 192.0.2.1:9
	expect top_tables b wg0 count 1 every 1
	expect_match "the sums" "$(head -n 1 "$lib_work/top")" ': 1 peer, 0/s received'
	expect_match "the peer" "$(tail -n 1 "$lib_work/top")" '= +- +0 +0 +- +never +- +192\.0\.2\.1:9$'
}

thousand_peers() {
	local count cpu tables=5

	count=$(scaled 1000 100)
	ns_ip b link add wt1 type weft
	defer ns_ip b link del wt1
	awk -v count="$count" 'BEGIN { for (n = 0; n < count; n++)
		printf "[Peer]\nPublicKey = %042dA=\nName = node-%d\nEndpoint = 192.0.2.9:%d\nAllowedIPs = 10.%d.%d.0/24\n", n, n, n + 1, n / 256, n % 256 }' >"$lib_work/config"
	ns b weft setconf wt1 "$lib_work/config"
	TIMEFORMAT='%U %S'
	cpu=$({ time top_tables b wt1 count $tables every 1 sort name; } 2>&1 | tail -n 1 | awk -v tables=$tables '{ printf "%d", ($1 + $2) * 1000 / tables }')
	note "$count peers: $cpu ms of CPU for each table"
	expect_eq "peers in the last table" "$(tail -n "$count" "$lib_work/top" | grep -c '^node-')" "$count"
	expect_eq "the first of them" "$(tail -n "$count" "$lib_work/top" | awk 'NR == 1 { print $1 }')" node-0
	# Of the two seconds between two readings; on a busy machine CPU seconds of Linux as a program are longer.
	expect_lt "ms of CPU" "$cpu" "$(late 1500)"
}

pair_create
session_up a wt0 b wt0 10.9.0.2
run_case "a table of peers" peer_is_shown
run_case "rates are those of the counters" rates_are_those_of_the_counters
run_case "drops" drops_are_counted
run_case "what cannot be read is refused" refused
run_case "without a name the only interface is meant" only_one
run_case "an interface that vanishes" interface_vanishes
run_case "a name that would change the writing direction" hostile_name
run_case "an interface of the in-tree driver" in_tree
run_case "a thousand peers" thousand_peers
