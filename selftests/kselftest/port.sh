#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tunnel's UDP port is exclusive: a port of another socket is refused, with any options of that socket, and no
# program can bind it while the tunnel replaces its own sockets.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1                              wt0 10.9.0.2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# vm: smp
# series: 6.1
. "$(dirname "$0")/lib.sh"

# Kernels before Linux 6.2 send messages without arguments. The module's text is the same for each caller.
taken="listen port: another socket has UDP port 51820"
case $(uname -r) in
6.1.*) taken=${taken% 51820} ;;
esac
[ "$KIND" = weft ] || taken="Address already in use"

holder_start() { # holder_start NAME WORDS...
	local name=$1

	shift
	ns_run "$name" a python3 "$test_dir/port.py" hold 51820 "$@"
	wait_for 10 grep -qx ready "$(ns_output "$name")"
}

a_pings() {
	ns a ping -n -c 1 -W "$((2 * SLOW))" 10.9.0.2
}

got() { # got NAME
	grep -c '^got' "$(ns_output "$1")"
}

# A port held in any way: neither setting the link up nor a change takes it, and a refusal changes nothing.
port_is_refused() { # port_is_refused WORDS...
	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	tunnel_set a wt0 listen-port 6000
	expect a_pings
	holder_start holder "$@"
	expect_error "$taken" tunnel_set a wt0 listen-port 51820
	expect_eq "port" "$(device_field a wt0 port)" 6000
	expect a_pings
	ns_ip a link set wt0 down
	tunnel_set a wt0 listen-port 51820
	expect_error "$taken" ns_ip a link set wt0 up
	expect_eq "packets that the holder got" "$(got holder || true)" 0
	ns_stop holder KILL
	ns_ip a link set wt0 up
	wait_for 10 a_pings
}

# Sockets bound to one address may share the port with a socket on another address; binding to all addresses is
# refused then.
neighbour_stays() { # neighbour_stays OPTIONS...
	ns_ip a addr add 192.0.2.7/24 dev va
	defer ns_ip a addr del 192.0.2.7/24 dev va
	pair_tunnels_create
	tunnel_set a wt0 listen-address 192.0.2.1
	session_up a wt0 b wt0 10.9.0.2
	holder_start neighbour 192.0.2.7 "$@"
	expect a_pings
	expect_error "$taken" tunnel_set a wt0 listen-address any
	expect_error "$taken" tunnel_set a wt0 listen-address 192.0.2.7
	expect a_pings
	tunnel_set a wt0 bind-device va
	expect a_pings
	expect_error "$taken" tunnel_set a wt0 bind-device off listen-address any
	expect a_pings
	expect_eq "packets that the neighbour got" "$(got neighbour || true)" 0
	ns_stop neighbour KILL
	tunnel_set a wt0 bind-device off listen-address any
	expect a_pings
}

# A socket with the same port on another interface: binding to that interface is refused.
device_is_refused() {
	ns_ip a link add vx type dummy
	defer ns_ip a link del vx
	ns_ip a link set vx up
	pair_tunnels_create
	tunnel_set a wt0 bind-device va
	session_up a wt0 b wt0 10.9.0.2
	holder_start holder device=vx reuseaddr reuseport
	expect_error "$taken" tunnel_set a wt0 bind-device vx
	expect_error "$taken" tunnel_set a wt0 bind-device off
	expect a_pings
	ns_stop holder KILL
	tunnel_set a wt0 bind-device vx
	tunnel_set a wt0 bind-device off
	expect a_pings
}

# A new interface gets the name of a deleted one; a program has bound to its index before it existed.
number_is_refused() {
	ns_ip a link add vx index 4711 type dummy
	defer ns_ip a link del vx
	pair_tunnels_create
	tunnel_set a wt0 bind-device vx
	ns_ip a link del vx
	holder_start holder ifindex=4712 reuseaddr
	ns_ip a link add vx index 4712 type dummy
	expect_eq "sockets on it" "$(ns a ss -Huln "sport = :51820" | wc -l)" 3
	ns a ss -Huln "sport = :51820" | grep -F '%vx:51820' >"$lib_work/bound" || true
	expect_eq "sockets that are bound to it" "$(wc -l <"$lib_work/bound")" 1
	ns_stop holder KILL
	tunnel_set a wt0 bind-device off
	tunnel_set a wt0 bind-device vx
	expect_eq "sockets that are bound to it" "$(ns a ss -Huln "sport = :51820" | grep -cF '%vx:51820')" 2
}

in_vrf() {
	ns_ip a link add blue type vrf table 100
	defer ns_ip a link del blue
	ns_ip a link set blue up
	pair_tunnels_create
	tunnel_set a wt0 bind-device va
	holder_start holder device=blue reuseaddr
	expect_error "$taken" tunnel_set a wt0 bind-device blue
	expect_error "$taken" tunnel_set a wt0 bind-device off
	session_up a wt0 b wt0 10.9.0.2
}

# Bindings that overlap with the tunnel's sockets: each is refused at any time.
ways=(0.0.0.0 -- 0.0.0.0 reuseaddr -- 0.0.0.0 reuseport -- 192.0.2.1 reuseaddr reuseport -- connect=192.0.2.2 reuseaddr
	-- dual reuseaddr -- dual reuseport -- :: reuseaddr reuseport -- 2001:db8::1 reuseaddr -- device=va reuseaddr
	-- connect=2001:db8::2 reuseport)

rebind_round() {
	tunnel_set a wt0 listen-address 192.0.2.1,2001:db8::1
	tunnel_set a wt0 bind-device va
	tunnel_set a wt0 listen-address any
	tunnel_set a wt0 bind-device off
}

no_window() {
	local i rounds

	rounds=$(sized 40 8 10)
	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	for i in 1 2; do
		ns_run "grabber$i" a python3 "$test_dir/port.py" grab 51820 "${ways[@]}"
		wait_for 10 grep -qx ready "$(ns_output "grabber$i")"
	done
	for ((i = 0; i < rounds; i++)); do
		rebind_round
	done
	for i in 1 2; do
		ns_stop "grabber$i" TERM
		note "$rounds rounds: $(tail -n 1 "$(ns_output "grabber$i")")"
		grep -q '^refused' "$(ns_output "grabber$i")" || fail "a program has bound the port"
	done
	expect a_pings
	expect_eq "sockets" "$(ns a ss -Huln "sport = :51820" | wc -l)" 2
}

# A change of the sockets' bindings loses no packet.
rebinding_loses_nothing() {
	local i

	pair_tunnels_create
	session_up a wt0 b wt0 10.9.0.2
	ns_run pings b ping -n -i 0.005 -W 2 10.9.0.1
	for ((i = 0; i < 10; i++)); do
		rebind_round
	done
	pings_stop pings
}

up_says_so() {
	holder_start holder connect=192.0.2.2 reuseaddr
	printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\n' "$("$WEFT" genkey)" >"$lib_work/wt8.conf"
	expect_error "$taken" ns a "$WEFT" up "$lib_work/wt8.conf"
	expect_fail ns_ip a link show wt8
}

pair_underlay_create
run_case "held: all addresses" port_is_refused
run_case "held: all addresses, SO_REUSEADDR" port_is_refused reuseaddr
run_case "held: all addresses, SO_REUSEPORT" port_is_refused reuseport
run_case "held: all addresses of both families" port_is_refused dual reuseaddr reuseport
run_case "held: all IPv6 addresses" port_is_refused :: reuseaddr
run_case "held: an IPv4 address, SO_REUSEADDR" port_is_refused 192.0.2.1 reuseaddr
run_case "held: an IPv6 address, SO_REUSEADDR" port_is_refused 2001:db8::1 reuseaddr
run_case "held: connected to the peer, SO_REUSEADDR" port_is_refused connect=192.0.2.2 reuseaddr
run_case "held: connected to the peer over IPv6" port_is_refused connect=2001:db8::2 reuseaddr reuseport
run_case "held: an interface" port_is_refused device=va reuseaddr
run_case "held: addresses, more than the kernel looks through" port_is_refused many=14 reuseaddr
if [ "$KIND" = weft ]; then
	run_case "a neighbour's address is not taken" neighbour_stays
	run_case "a neighbour's address is not taken, SO_REUSEADDR" neighbour_stays reuseaddr
	run_case "a neighbour's address is not taken, SO_REUSEPORT" neighbour_stays reuseport
	run_case "another interface's port is not taken" device_is_refused
	run_case "nor that of an interface that is added later" number_is_refused
	run_case "nor that of a VRF" in_vrf
	run_case "no program binds the port while the sockets are replaced" no_window
	run_case "replacing the sockets loses no packet" rebinding_loses_nothing
	run_case "up names the port" up_says_so
fi
