#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Handshakes: in both roles with every available implementation, with wrong keys, with crossing and late messages; and
# packets that are staged until a session exists.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 or go0 10.9.0.2 fd09::2, or a program (handshake.py)
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# series: 6.12
. "$(dirname "$0")/lib.sh"

pair_underlay_create

# Drops by reason, which the in-tree module does not count.
drops() { # drops NS NAME
	if [ "$KIND" = weft ]; then ethtool_stat "$1" wt0 "$2"; fi
}

expect_drops() { # expect_drops NS NAME COUNT
	[ "$KIND" = weft ] || return 0
	expect_eq "$1's $2" "$(drops "$1" "$2")" "$3"
}

# a initiates four handshakes: over either family, without and with a preshared key. Each has one initiation and one
# response, marked AF41 (wireguard-go marks none of its own), and is followed by traffic in both directions.
interoperate() { # interoperate KIND_A KIND_B
	local marked=8 either

	dev_a=$(pair_device "$1")
	dev_b=$(pair_device "$2")
	[ "$1" != wireguard-go ] || marked=4
	[ "$2" != wireguard-go ] || marked=4
	either="($(type_filter 1) or $(type_filter 2))"
	capture_start handshake a va udp
	pair_tunnels_create "$1" "$2"
	handshake_and_ping
	again_over '[2001:db8::2]:51820'
	again_over '[2001:db8::2]:51820' preshared-key "$(psk_file pair)"
	again_over 192.0.2.2:51820 preshared-key "$(psk_file pair)"
	capture_stop handshake
	expect_eq "initiations from a over v4" "$(capture_count handshake "$(type_filter 1) and src host 192.0.2.1")" 2
	expect_eq "initiations from a over v6" "$(capture_count handshake "$(type_filter 1) and src host 2001:db8::1")" 2
	expect_eq "responses from b over v4" "$(capture_count handshake "$(type_filter 2) and src host 192.0.2.2")" 2
	expect_eq "responses from b over v6" "$(capture_count handshake "$(type_filter 2) and src host 2001:db8::2")" 2
	expect_eq "handshake messages" "$(capture_count handshake "$either")" 8
	expect_eq "handshake messages marked AF41" "$(capture_count handshake \
		"((ip and ip[1] = 0x88) or (ip6[0:2] & 0x0ff0) = 0x0880) and $either")" $marked
	expect_eq "bytes that b received" "$(peer_field b "$dev_b" a "$dev_a" rx)" "$(peer_field a "$dev_a" b "$dev_b" tx)"
}

handshake_and_ping() {
	expect ns a ping -n -c 1 -W 10 10.9.0.2
	expect ns b ping -n -c 1 -W 5 fd09::1
}

again_over() { # again_over ENDPOINT [SET ARGS...]
	local endpoint=$1

	shift
	peer_remove a "$dev_a" b "$dev_b"
	peer_remove b "$dev_b" a "$dev_a"
	peer_add a "$dev_a" b "$dev_b" 10.9.0.2/32,fd09::2/128 endpoint "$endpoint" "$@"
	peer_add b "$dev_b" a "$dev_a" 10.9.0.1/32,fd09::1/128 "$@"
	handshake_and_ping
}

ping_fails() { # ping_fails NS ADDRESS
	expect_fail ns "$1" ping -n -c 1 -W 2 "$2"
}

ping_until_answered() { # ping_until_answered NS ADDRESS
	wait_for 20 ns "$1" ping -n -c 1 -W 1 "$2"
}

# A device that is set down and up has no sessions.
restart() { # restart NS
	ns_ip "$1" link set wt0 down
	ns_ip "$1" link set wt0 up
}

psk_changes() {
	local since

	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	peer_set a wt0 b wt0 preshared-key "$(psk_file first)"
	expect ns a ping -n -c 1 -W 2 10.9.0.2
	since=$(peer_field a wt0 b wt0 handshake)
	restart a
	ping_fails a 10.9.0.2
	expect_eq "a's latest handshake" "$(peer_field a wt0 b wt0 handshake)" "$since"
	expect_drops a rx_drop_preshared 1
	peer_set b wt0 a wt0 preshared-key "$(psk_file first)"
	ping_until_answered a 10.9.0.2
	peer_set b wt0 a wt0 preshared-key "$(psk_file second)"
	restart a
	ping_fails a 10.9.0.2
	peer_set a wt0 b wt0 preshared-key "$(psk_file second)"
	ping_until_answered a 10.9.0.2
	peer_set a wt0 b wt0 preshared-key /dev/null
	peer_set b wt0 a wt0 preshared-key /dev/null
	restart a
	ping_until_answered a 10.9.0.2
}

# The link sends nothing under the sessions of the old key, and b does not have the new one yet.
private_key_changes() {
	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	peer_remove b wt0 a wt0
	new_key a.wt0
	peer_add b wt0 a wt0 10.9.0.1/32,fd09::1/128
	capture_start changed a va udp
	tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
	expect_eq "a's public key" "$(device_field a wt0 public)" "$(tunnel_key a wt0)"
	ping_until_answered a 10.9.0.2
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	capture_stop changed
	expect_match "a's first message" "$(capture_dump changed 'src host 192.0.2.1' | head -n 1)" 'length 148'
	expect_drops b rx_drop_unknown_peer 0
}

# The path delays both initiations by a second (four on a slow machine), so that they cross; later messages are fast,
# and the jitter of the retries (a third of a second) separates those.
crossing() {
	pair_tunnels_create
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	expect ns a ping -n -c 1 -W 5 192.0.2.2
	outer_delay add $((SLOW > 1 ? 4 : 1))s
	defer outer_delay del
	capture_start crossing a va udp
	ns_run ping.a a ping -n -c 1 -W 60 10.9.0.2
	ns_run ping.b b ping -n -c 1 -W 60 10.9.0.1
	wait_for 1 both_began
	expect_eq "bytes received before the messages arrive" "$(peer_field a wt0 b wt0 rx)/$(peer_field b wt0 a wt0 rx)" 0/0
	outer_delay change 20ms
	expect ns_wait ping.a
	expect ns_wait ping.b
	expect ns a ping -n -c 5 -i 0.5 -W 2 10.9.0.2
	expect ns b ping -n -c 5 -i 0.5 -W 2 10.9.0.1
	capture_stop crossing
	expect_le "initiations until there is one session" "$(capture_count crossing "$(type_filter 1)")" 10
}

outer_delay() { # outer_delay add|change DELAY, or outer_delay del
	local end

	for end in a b; do
		ns $end tc qdisc "$1" dev v$end root ${2:+netem delay "$2"}
	done
}

both_began() {
	[ "$(peer_field a wt0 b wt0 tx)" -ge 148 ] && [ "$(peer_field b wt0 a wt0 tx)" -ge 148 ]
}

unknown_peer() {
	pair_tunnels_create
	peer_remove b wt0 a wt0
	refused_in_silence rx_drop_unknown_peer
}

# a has another public key for b, so that mac1 is wrong.
wrong_key() {
	pair_tunnels_create
	new_key stranger
	peer_remove a wt0 b wt0
	tunnel_set a wt0 peer "$(public_key stranger)" allowed-ips 10.9.0.2/32 endpoint 192.0.2.2:51820
	refused_in_silence rx_drop_mac
}

# On a slow machine the next retry, after five seconds, precedes the end of the checks.
refused_in_silence() { # refused_in_silence REASON
	local most=$((SLOW > 1 ? 4 : 1))

	capture_start refused a va udp
	ping_fails a 10.9.0.2
	capture_stop refused
	expect_between "initiations" "$(capture_count refused "$(type_filter 1)")" 1 $most
	expect_eq "all other messages" "$(capture_count refused "not $(type_filter 1)")" 0
	[ "$KIND" != weft ] || expect_between "b's $1" "$(drops b "$1")" 1 $most
}

staged_for_a_key() {
	pair_tunnels_create
	tunnel_set a wt0 private-key /dev/null
	ns_run ping a ping -n -c 1 -W 20 10.9.0.2
	capture_start keyless a va udp
	pause 2
	capture_stop keyless
	expect_eq "messages without a key" "$(capture_count keyless)" 0
	tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
	expect ns_wait ping 10
}

# Packets are not staged while the interface is down or the peer has no endpoint: the sender gets an error at once.
no_endpoint() {
	pair_tunnels_create
	expect_match "error of ping" "$(ns b ping -n -c 1 -W 2 10.9.0.1 2>&1 || true)" \
		'Destination Host Unreachable|Destination address required|Required key'
	expect_drops b tx_drop_no_endpoint 1
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	expect ns b ping -n -c 1 -W 5 10.9.0.1
}

# 140 datagrams while b does not answer: the newest 128 arrive, in order. The in-tree module keeps one more.
staged_queue() {
	local kept=128

	[ "$KIND" = weft ] || kept=129
	pair_tunnels_create
	peer_remove b wt0 a wt0
	ns_run sink b socat -u UDP4-RECV:9000 STDOUT
	wait_for 10 ns b sh -c 'ss -Hlun "sport = :9000" | grep . >/dev/null'
	ns a bash -c 'exec 3>/dev/udp/10.9.0.2/9000; for i in {1..140}; do echo $i >&3; done'
	expect_drops a tx_drop_queue 12
	peer_add b wt0 a wt0 10.9.0.1/32,fd09::1/128
	wait_for 10 grep -qx 140 "$(ns_output sink)"
	expect_eq "datagrams that arrived" "$(tr '\n' ' ' <"$(ns_output sink)")" "$(seq -s ' ' $((141 - kept)) 140) "
}

# The program runs all actions in sequence; each case checks the output of one.
program_cases() {
	program_create endpoint 192.0.2.2:51820
	program all >"$lib_work/program" 2>&1 || cat "$lib_work/program"
}

run_case "$KIND begins with $KIND" interoperate "$KIND" "$KIND"
if [ "$KIND" != wireguard ]; then
	run_case "$KIND begins with wireguard" interoperate "$KIND" wireguard
	run_case "wireguard begins with $KIND" interoperate wireguard "$KIND"
fi
run_case "$KIND begins with wireguard-go" interoperate "$KIND" wireguard-go
run_case "wireguard-go begins with $KIND" interoperate wireguard-go "$KIND"
run_case "a program acts as the peer" program_cases
run_case "the program responds" program_passed responds
run_case "the program initiates" program_passed initiates
run_case "the response arrives after another initiation was consumed" program_passed overtaken
run_case "two responses to one initiation" program_passed answered_twice
run_case "a replayed initiation, and an older one" program_passed replayed
run_case "nothing is sent under an unconfirmed session" program_passed unconfirmed
run_case "preshared key changed on one side, then on both" psk_changes
run_case "private key changed on a live interface" private_key_changes
run_case "initiations that cross settle" crossing
run_case "a wrong public key for the peer" wrong_key
run_case "an unknown peer" unknown_peer
run_case "packets are staged until a private key is set" staged_for_a_key
run_case "without an endpoint the sender gets an error" no_endpoint
run_case "128 packets are staged, the oldest are dropped" staged_queue
