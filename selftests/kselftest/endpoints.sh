#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Endpoints of peers and sockets of devices: candidates that are tried in turn, peers that are pinned to their candidates,
# sockets that are bound to addresses, interfaces and a VRF.
#
#	 namespace a                                  namespace b
#	 wt0 10.9.0.1, wt1 10.8.0.1                   wt0 10.9.0.2, wt1 10.8.0.2
#	 va  192.0.2.1    2001:db8::1   --- veth ---  vb  192.0.2.2    2001:db8::2
#	 va2 198.51.100.1 2001:db8:2::1 --- veth ---  vb2 198.51.100.2 2001:db8:2::2
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

skip_unless_weft

second_link() {
	veth_link a va2 b vb2
	addr_add a va2 198.51.100.1/24 2001:db8:2::1/64
	addr_add b vb2 198.51.100.2/24 2001:db8:2::2/64
}

# Tunnels without endpoints of each other.
underlay_create() {
	pair_underlay_create
	second_link
}

tunnels_create() { # tunnels_create KIND_B
	tunnel_create a wt0 10.9.0.1/24 fd09::1/64
	tunnel_create_kind "$1" b wt0 10.9.0.2/24 fd09::2/64
	peer_add a wt0 b wt0 10.9.0.2/32,fd09::2/128
	peer_add b wt0 a wt0 10.9.0.1/32,fd09::1/128
}

a_pings() { # a_pings [SECONDS]: waits that long for an answer
	ns a ping -n -c 1 -W "${1:-$SLOW}" 10.9.0.2
}

endpoint_of_b() {
	peer_field a wt0 b wt0 endpoint
}

endpoint_of_a() {
	peer_field b wt0 a wt0 endpoint
}

# Sends packets continuously, and measures the time until an answer arrives.
recovers() { # recovers LABEL LEAST MOST ENDPOINT
	local start took

	start=$(now_ms)
	wait_for 40 a_pings 1
	took=$(($(now_ms) - start))
	note "$1: $took ms"
	expect_between "$1: ms until a packet is answered" "$took" "$2" "$(late "$3")"
	expect_eq "$1: endpoint" "$(endpoint_of_b)" "$4"
}

# Silence is detected after 15 s and jitter; then each candidate has 5 s and jitter. One second is added for polling.
dies() { # dies KIND_B
	underlay_create
	tunnels_create "$1"
	peer_set a wt0 b wt0 endpoint '192.0.2.2,198.51.100.2,[2001:db8:2::2]:51820'
	recovers "the first" 0 1500 192.0.2.2:51820
	ns_ip b addr del 192.0.2.2/24 dev vb
	recovers "an address dies, on to the second" 20000 23000 198.51.100.2:51820
	ns_ip b addr del 198.51.100.2/24 dev vb2
	recovers "its address dies, on to the third" 20000 23000 '[2001:db8:2::2]:51820'
	addr_add b vb 192.0.2.2/24
	# Without a route to two of them the device does not wait for their answers.
	ns_ip a link set va2 down
	recovers "the link dies under the third, back to the first" 0 500 192.0.2.2:51820
	ns_ip a link set va2 up
	addr_add a va2 2001:db8:2::1/64
	addr_add b vb2 198.51.100.2/24
	ns_ip b link set vb down
	recovers "the other end of the link dies, on to the second" 20000 23000 198.51.100.2:51820
}

starts() {
	underlay_create
	tunnels_create "$KIND"
	# A black hole, and an address without any route.
	peer_set a wt0 b wt0 endpoint '203.0.113.9:7,192.0.2.2:51820'
	recovers "the first cannot be reached from here" 0 1500 192.0.2.2:51820
	peer_remove a wt0 b wt0
	peer_add a wt0 b wt0 10.9.0.2/32 endpoint '192.0.2.77:7,203.0.113.9:7,[2001:db8::2]:51820'
	recovers "the first does not answer" 5000 7500 '[2001:db8::2]:51820'
}

# The peer's last endpoint is tried, too, even if it is no candidate.
returns() {
	underlay_create
	tunnels_create "$KIND"
	peer_set b wt0 a wt0 endpoint '192.0.2.77:1,192.0.2.78:1'
	expect a_pings_after_candidates
	expect_eq "b's endpoint of a" "$(endpoint_of_a)" 192.0.2.1:51820
	ns_ip a addr del 192.0.2.1/24 dev va
	ns b ping -n -i 1 -w 28 10.9.0.1 >/dev/null || true
	expect_ne "b's endpoint of a that is gone" "$(endpoint_of_a)" 192.0.2.1:51820
	addr_add a va 192.0.2.1/24
	wait_for 20 ns b ping -n -c 1 -W 1 10.9.0.1
	expect_eq "b's endpoint of a that came back" "$(endpoint_of_a)" 192.0.2.1:51820
}

a_pings_after_candidates() {
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	wait_for 5 a_pings
}

is_pinned() { # is_pinned KIND_A: b pins a
	local before after

	underlay_create
	tunnel_create_kind "$1" a wt0 10.9.0.1/24
	tunnel_create b wt0 10.9.0.2/24
	peer_add a wt0 b wt0 10.9.0.2/32 endpoint 192.0.2.2:51820
	peer_add b wt0 a wt0 10.9.0.1/32 endpoint 192.0.2.1,198.51.100.1:51820 roam off
	expect a_pings
	tunnel_set a wt0 listen-port 51999
	before=$(peer_field b wt0 a wt0 rx)
	expect_fail a_pings
	after=$(peer_field b wt0 a wt0 rx)
	expect_gt "bytes that b received from another address" "$after" "$before"
	expect_eq "b's endpoint of a pinned peer" "$(endpoint_of_a)" 192.0.2.1:51820
	tunnel_set a wt0 listen-port 51820
	expect a_pings
	# Another candidate becomes the endpoint.
	peer_set a wt0 b wt0 endpoint 198.51.100.2:51820
	expect a_pings
	expect_eq "b's endpoint at another candidate" "$(endpoint_of_a)" 198.51.100.1:51820
	peer_set b wt0 a wt0 roam on
	tunnel_set a wt0 listen-port 51999
	expect a_pings
	expect_eq "b's endpoint of a peer that may roam" "$(endpoint_of_a)" 198.51.100.1:51999
	# Without candidates the endpoint does not change.
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51999 roam off
	expect a_pings
	expect_eq "b's endpoint of a peer that may not roam" "$(endpoint_of_a)" 192.0.2.1:51999
}

udp_sockets() { # udp_sockets NS [PORT]: addresses of the port
	ns "$1" ss -Huln "sport = :${2:-51820}" | awk '{ print $4 }' | sort | xargs
}

handshakes_a() {
	peer_field a wt0 b wt0 handshake
}

listens() {
	local since

	underlay_create
	tunnels_create "$KIND"
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	expect a_pings
	since=$(handshakes_a)
	expect_eq "sockets" "$(udp_sockets a)" '0.0.0.0:51820 [::]:51820'
	tunnel_set a wt0 listen-address 192.0.2.1
	expect_eq "sockets with an address" "$(udp_sockets a)" '192.0.2.1:51820'
	expect a_pings
	tunnel_set a wt0 listen-address 192.0.2.1,2001:db8::1
	expect_eq "sockets with one of each" "$(udp_sockets a)" '192.0.2.1:51820 [2001:db8::1]:51820'
	expect a_pings
	expect_error "none of this host's addresses" tunnel_set a wt0 listen-address 192.0.2.99
	expect_eq "sockets after a refusal" "$(udp_sockets a)" '192.0.2.1:51820 [2001:db8::1]:51820'
	expect_match "show" "$(ns a "$WEFT" show wt0)" 'listening address: 192\.0\.2\.1, 2001:db8::1'
	# A message leaves settings unchanged that it does not name, including the IPv6 address.
	tunnel_set a wt0 listen-port 51821 2>"$lib_work/said"
	expect_eq "warnings for a free port" "$(cat "$lib_work/said")" ""
	expect_eq "sockets with another port" "$(udp_sockets a 51821)" '192.0.2.1:51821 [2001:db8::1]:51821'
	tunnel_set a wt0 listen-port 51820
	# Packets leave from that address, although the route prefers another.
	tunnel_set a wt0 listen-address 2001:db8::1,192.0.2.1
	ns_ip b route add 192.0.2.1/32 via 198.51.100.1
	peer_set a wt0 b wt0 endpoint 198.51.100.2:51820
	expect a_pings
	expect_eq "b's endpoint" "$(endpoint_of_a)" 192.0.2.1:51820
	ns_ip b route del 192.0.2.1/32
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	expect a_pings
	ns_ip a addr del 192.0.2.1/24 dev va
	expect_fail a_pings
	addr_add a va 192.0.2.1/24
	expect a_pings
	tunnel_set a wt0 listen-address any
	expect_eq "sockets without an address" "$(udp_sockets a)" '0.0.0.0:51820 [::]:51820'
	expect a_pings
	expect_eq "new handshakes" "$(handshakes_a)" "$since"
	ns_ip a link set wt0 down
	expect_error "none of this host's addresses" tunnel_set a wt0 listen-address 2001:db8::99
	expect_error "a multicast or broadcast address is none of a socket" tunnel_set a wt0 listen-address ff02::1
}

# Two devices share a port at different addresses.
shares_port() {
	underlay_create
	tunnels_create "$KIND"
	tunnel_set a wt0 listen-address 192.0.2.1
	tunnel_set b wt0 listen-address 192.0.2.2
	for name in a b; do
		ns_ip "$name" link add wt1 type "$KIND"
		defer ns_ip "$name" link del wt1
		echo "$KIND" >"$lib_work/kinds/$name.wt1"
		new_key "$name.wt1"
	done
	tunnel_set a wt1 private-key "$(tunnel_key_file a wt1)" listen-address 198.51.100.1 listen-port 51820
	tunnel_set b wt1 private-key "$(tunnel_key_file b wt1)" listen-address 198.51.100.2 listen-port 51820
	peer_add a wt1 b wt1 10.8.0.2/32 endpoint 198.51.100.2:51820
	peer_add b wt1 a wt1 10.8.0.1/32
	addr_add a wt1 10.8.0.1/24
	addr_add b wt1 10.8.0.2/24
	ns_ip a link set wt1 up
	ns_ip b link set wt1 up
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	expect_eq "sockets" "$(udp_sockets a)" '192.0.2.1:51820 198.51.100.1:51820'
	expect a_pings
	expect ns a ping -n -c 1 -W "$SLOW" 10.8.0.2
	expect_error "another socket has UDP port" tunnel_set a wt1 listen-address 192.0.2.1
	expect_error "another socket has UDP port" tunnel_set a wt1 listen-address any
	expect ns a ping -n -c 1 -W "$SLOW" 10.8.0.2
}

# Up to Linux 6.1 only a link that is down can be renamed.
rename() { # rename OLD NEW
	ns_ip_batch a "link set $1 down" "link set $1 name $2" "link set $2 up"
}

bound_name() {
	ns a "$WEFT" show wt0 bind-device
}

binds() {
	underlay_create
	tunnels_create "$KIND"
	# The first link has a route to both ends of the second one, too.
	ns_ip a route add 198.51.100.2/32 via 192.0.2.2 dev va
	peer_set a wt0 b wt0 endpoint 198.51.100.2:51820
	expect a_pings
	expect_eq "b's endpoint by the route" "$(endpoint_of_a)" 192.0.2.1:51820
	tunnel_set a wt0 bind-device va2
	expect a_pings
	expect_eq "b's endpoint by the interface" "$(endpoint_of_a)" 198.51.100.1:51820
	expect_error "there is no such interface" tunnel_set a wt0 bind-device nowhere
	expect_error "it is the tunnel itself" tunnel_set a wt0 bind-device wt0
	rename va2 vb9
	expect_eq "name of the interface that was renamed" "$(bound_name)" vb9
	rename vb9 va2
	# The interface is deleted; packets of an unbound socket would leave by the other one.
	ns_ip a link del va2
	expect_fail a_pings
	expect_eq "name of the interface that is gone" "$(bound_name)" va2
	tunnel_set a wt0 listen-port 51820 fwmark 7
	second_link
	wait_for 30 a_pings
	expect_eq "b's endpoint by the interface that came back" "$(endpoint_of_a)" 198.51.100.1:51820
	ns_ip a link set wt0 down
	rename va2 vb9
	ns_ip a link set wt0 up
	wait_for 10 a_pings
	tunnel_set a wt0 bind-device off
	wait_for 10 a_pings
	expect_eq "b's endpoint by the route again" "$(endpoint_of_a)" 192.0.2.1:51820
}

in_vrf() {
	local since

	underlay_create
	tunnels_create "$KIND"
	ns_ip a link add blue type vrf table 100
	ns_ip a link set blue up
	ns_ip a link set va2 master blue
	# The deleted interface has lost its IPv6 address.
	addr_add a va2 2001:db8:2::1/64
	tunnel_set a wt0 bind-device blue
	peer_set a wt0 b wt0 endpoint 198.51.100.2:51820
	wait_for 10 a_pings
	since=$(handshakes_a)
	expect_eq "b's endpoint in the VRF" "$(endpoint_of_a)" 198.51.100.1:51820
	peer_set a wt0 b wt0 endpoint '[2001:db8:2::2]:51820'
	expect a_pings
	expect_eq "b's endpoint in the VRF, IPv6" "$(endpoint_of_a)" '[2001:db8:2::1]:51820'
	tunnel_set a wt0 listen-address 198.51.100.1,2001:db8:2::1
	expect a_pings
	expect ns b ping -n -c 1 -W "$SLOW" 10.9.0.1
	expect_eq "new handshakes" "$(handshakes_a)" "$since"
	# The VRF's table ends with an unreachable route, as a VRF's should: no lookup falls through to another table.
	ns_ip a route add table 100 unreachable default metric 4278198272
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	expect_fail a_pings
}

# The name "harbour" has an address of each family.
named() {
	underlay_create
	tunnels_create "$KIND"
	mkdir -p "/etc/netns/$(ns_name a)"
	defer rm -r "/etc/netns/$(ns_name a)"
	printf '%s harbour\n' 192.0.2.2 2001:db8:2::2 >"/etc/netns/$(ns_name a)/hosts"
	# The setting that every distribution has.
	[ -e /etc/host.conf ] || { echo 'multi on' >/etc/host.conf; defer rm /etc/host.conf; }
	expect ip netns exec "$(ns_name a)" "$WEFT" set wt0 peer "$(tunnel_key b wt0)" endpoint harbour:51820,198.51.100.2:9
	expect a_pings
	candidates=$(ns a "$WEFT" show wt0 candidates | cut -f 2 | tr ' ' '\n' | sort | xargs)
	expect_eq "candidates" "$candidates" '192.0.2.2:51820 198.51.100.2:9 [2001:db8:2::2]:51820'
	expect_match "showconf" "$(ns a "$WEFT" showconf wt0)" 'Endpoint = .*198\.51\.100\.2:9'
	expect_match "JSON" "$(ns a "$WEFT" -j show wt0 | tr -d ' \n')" '"candidates":\[".*198\.51\.100\.2:9"\],"roam":true'
	ns a "$WEFT" showconf wt0 >"$lib_work/conf"
	expect ns a "$WEFT" syncconf wt0 "$lib_work/conf"
	expect a_pings
}

# An in-tree link has one endpoint: the command refuses several.
refused_elsewhere() {
	pair_underlay_create
	tunnels_create wireguard
	expect_error "needs a link of kind weft" ns b weft set wt0 peer "$(tunnel_key a wt0)" endpoint 192.0.2.1:1,192.0.2.2:2
	expect_error "needs a link of kind weft" ns b weft set wt0 peer "$(tunnel_key a wt0)" roam off
	expect_error "needs a link of kind weft" ns b weft set wt0 listen-address 192.0.2.2
	expect_error "needs a link of kind weft" ns b weft set wt0 bind-device vb
}

run_case "addresses and links die one after the other" dies weft
run_case "and with wireguard at the other end" dies wireguard
run_case "candidates that never answered" starts
run_case "an endpoint besides the candidates" returns
run_case "a pinned peer stays" is_pinned weft
run_case "and a pinned wireguard" is_pinned wireguard
run_case "sockets with addresses of their own" listens
run_case "several devices on one port" shares_port
run_case "sockets on an interface that is removed and added" binds
run_case "sockets in a VRF" in_vrf
run_case "a name with addresses of both families" named
run_case "settings that wireguard lacks are refused" refused_elsewhere
