#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tunnels in tunnels, a peer that is reached through another one, and tunnels that lead into themselves.
#
#	 namespace a                               namespace b
#	 wt2 10.12.0.1 (inside wt1)                wt2 10.12.0.2
#	 wt1 10.11.0.1 (inside wt0)                wt1 10.11.0.2
#	 wt0 10.10.0.1                             wt0 10.10.0.2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# vm: icount
# series: 6.12
. "$(dirname "$0")/lib.sh"

level_create() { # level_create LEVEL ENDPOINT-ADDRESS
	tunnel_create a "wt$1" "10.1$1.0.1/24" "fd1$1::1/64"
	tunnel_create b "wt$1" "10.1$1.0.2/24" "fd1$1::2/64"
	tunnel_set a "wt$1" listen-port "700$1"
	tunnel_set b "wt$1" listen-port "700$1"
	peer_add a "wt$1" b "wt$1" "10.1$1.0.2/32,fd1$1::2/128" endpoint "$2:700$1"
	peer_add b "wt$1" a "wt$1" "10.1$1.0.1/32,fd1$1::1/128"
	ns_ip a link set "wt$1" mtu $((1440 - 80 * $1))
	ns_ip b link set "wt$1" mtu $((1440 - 80 * $1))
}

# The first echo triggers the handshakes of all levels; each level adds its header.
level_works() { # level_works LEVEL LENGTH-OUTSIDE
	expect ns a ping -n -c 1 -W 10 "10.1$1.0.2"
	capture_start level a va "udp and dst port 7000"
	expect ns a ping -n -c 1 -W 5 "10.1$1.0.2"
	capture_stop level
	expect_match "the message outside" "$(capture_dump level)" "[ (]$2\)?\$"
	expect ns b ping -n -c 1 -W 5 "fd1$1::1"
	transfer a b "10.1$1.0.2" 100000
	transfer b a "fd1$1::1" 100000
}

# An echo of 84 bytes makes a message of 128; with the headers of IPv4 156 and 192. With those of IPv6 first: 128, 176
# and 208, 236 and 272.
two_levels() {
	level_create 1 10.10.0.2
	level_works 1 192
}

three_levels() {
	level_create 1 10.10.0.2
	level_create 2 '[fd11::2]'
	level_works 2 272
}

handshake_newer() { # handshake_newer DEV TIME
	[ "$(peer_field a "$1" b "$1" handshake)" -gt "$2" ]
}

# All sessions are renewed while data flows.
timers_run() {
	local level before=()

	level_create 1 10.10.0.2
	level_create 2 10.11.0.2
	expect ns a ping -n -c 1 -W 10 10.12.0.2
	for level in 0 1 2; do
		before[level]=$(peer_field a wt$level b wt$level handshake)
	done
	expect ns a ping -n -c 65 -i 2 -W 5 10.12.0.2
	for level in 0 1 2; do
		expect handshake_newer wt$level "${before[level]}"
	done
}

# c is reached through b, over the same device of a:
#   a --- b 203.0.113.2 --- c 203.0.113.3
#	 a --- b 203.0.113.2 --- c 203.0.113.3
onion() {
	ns_create c
	veth_link b vbc c vc
	addr_add b vbc 203.0.113.2/24
	addr_add c vc 203.0.113.3/24
	ns_ip c route add 10.10.0.0/24 via 203.0.113.2
	forwarding_on b
	tunnel_create c wt0 10.13.0.3/24
	tunnel_set c wt0 listen-port 7000
	peer_add c wt0 a wt0 10.13.0.1/32
	peer_add a wt0 c wt0 10.13.0.3/32 endpoint 203.0.113.3:7000
	peer_set a wt0 b wt0 allowed-ips 10.10.0.2/32,fd10::2/128,203.0.113.3/32
	defer peer_set a wt0 b wt0 allowed-ips 10.10.0.2/32,fd10::2/128
	ns_ip a route add 203.0.113.3 dev wt0
	defer ns_ip a route del 203.0.113.3 dev wt0
	addr_add a wt0 10.13.0.1/24
	defer ns_ip a addr del 10.13.0.1/24 dev wt0
	capture_start outside a va "udp and not port 7000"
	expect ns a ping -n -c 2 -i 0.2 -W 10 10.13.0.3
	expect_eq "c's endpoint of a" "$(peer_field c wt0 a wt0 endpoint)" 10.10.0.1:7000
	transfer a c 10.13.0.3 100000
	transfer c a 10.13.0.1 100000
	capture_stop outside
	expect_eq "outer packets that are not to b" "$(capture_count outside)" 0
	peer_remove a wt0 c wt0
}

sum_of_sent() {
	local dev sum=0

	for dev in $(ns_ip a -brief link show type "$KIND" | awk '{ print $1 }'); do
		sum=$((sum + $(link_stat a "${dev%@*}" tx_bytes)))
	done
	echo $sum
}

quiet_within() { # quiet_within BYTES: a second adds no more than those
	local before

	before=$(sum_of_sent)
	pause 1
	[ $(($(sum_of_sent) - before)) -le "$1" ]
}

loops_of() { # loops_of DEV
	[ "$KIND" != weft ] || ethtool_stat a "$1" tx_drop_loop
}

# Packets in the loop die out, in any number, and the tunnel works once the loop is removed.
loop_ends() { # loop_ends ADDRESS
	local before

	before=$(sum_of_sent)
	expect_fail ns a ping -n -c 20 -i 0.05 -W 1 "$1"
	expect_lt "bytes sent into the loop" $(($(sum_of_sent) - before)) 4000000
	expect quiet_within 1000
}

# The endpoint is among the allowed IPs and routed into the tunnel, with a session and without.
loop_of_one() { # loop_of_one FAMILY-ENDPOINT HOST
	local loops

	peer_set a wt0 b wt0 endpoint "$1" allowed-ips "10.10.0.2/32,fd10::2/128,$2"
	defer peer_set a wt0 b wt0 endpoint 192.0.2.2:7000 allowed-ips 10.10.0.2/32,fd10::2/128
	expect ns a ping -n -c 1 -W 5 10.10.0.2
	loops=$(loops_of wt0)
	ns_ip a route add "$2" dev wt0
	defer ns_ip a route del "$2" dev wt0
	loop_ends 10.10.0.2
	[ "$KIND" != weft ] || expect_ge "tx_drop_loop" $(($(loops_of wt0) - loops)) 20
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	ns_ip a route replace "$2" dev wt0
	loop_ends 10.10.0.2
	ns_ip a route del "$2" dev wt0
	expect ns a ping -n -c 1 -W 10 10.10.0.2
}

# wt0 has its endpoint behind wt1, and wt1 behind wt0.
loop_of_two() {
	local loops

	level_create 1 192.0.2.2
	expect ns a ping -n -c 1 -W 5 10.11.0.2
	expect ns a ping -n -c 1 -W 5 10.10.0.2
	peer_set a wt0 b wt0 allowed-ips 10.10.0.2/32,fd10::2/128,10.11.0.0/24
	defer peer_set a wt0 b wt0 endpoint 192.0.2.2:7000 allowed-ips 10.10.0.2/32,fd10::2/128
	loops=$(loops_of wt0)$(loops_of wt1)
	peer_set a wt0 b wt0 endpoint 10.11.0.2:7000
	peer_set a wt1 b wt1 endpoint 10.10.0.2:7001
	loop_ends 10.10.0.2
	loop_ends 10.11.0.2
	[ "$KIND" != weft ] || expect_ne "tx_drop_loop of both" "$(loops_of wt0)$(loops_of wt1)" "$loops"
	peer_set a wt0 b wt0 endpoint 192.0.2.2:7000
	expect ns a ping -n -c 1 -W 10 10.10.0.2
	expect ns a ping -n -c 1 -W 10 10.11.0.2
}

# A loop without a session: handshakes loop at the usual rate.
loop_of_handshakes() {
	local before

	tunnel_create a wt9 10.19.0.1/24
	new_key b.nobody
	peer_add a wt9 b nobody 0.0.0.0/0 endpoint 198.51.100.9:7000 persistent-keepalive 1
	ns_ip a route add 198.51.100.9 dev wt9
	expect_fail ns a ping -n -c 5 -i 0.2 -W 1 10.19.0.2
	before=$(link_stat a wt9 tx_bytes)
	holds_for 20 true
	expect_le "bytes of 20 seconds" $(($(link_stat a wt9 tx_bytes) - before)) $((5 * 148))
}

ns_create a b
veth_link a va b vb
addr_add a va 192.0.2.1/24 2001:db8::1/64
addr_add b vb 192.0.2.2/24 2001:db8::2/64
level_create 0 192.0.2.2
session_up a wt0 b wt0 10.10.0.2
run_case "a tunnel in a tunnel" two_levels
run_case "a tunnel in a tunnel in a tunnel" three_levels
run_case "sessions at three levels are renewed" timers_run
run_case "a peer is reached through another peer" onion
run_case "a tunnel routed into itself, over IPv4" loop_of_one 192.0.2.2:7000 192.0.2.2/32
run_case "a tunnel routed into itself, over IPv6" loop_of_one '[2001:db8::2]:7000' 2001:db8::2/128
run_case "two tunnels routed into each other" loop_of_two
run_case "a loop without a session" loop_of_handshakes
