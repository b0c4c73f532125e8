#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A router tracks a flow with a wrong mapping, and packets without a session keep the mapping alive: the tunnel has to
# pause, so that the mapping expires.
#
#	 namespace a                     namespace n: NAT                      namespace b
#	 wt0 10.9.0.1                                                          wt0 10.9.0.2
#	 va 10.1.0.2 --- veth --- na 10.1.0.1    nb 192.0.2.1 --- veth --- vb 192.0.2.2
# timeout: 1800
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

skip_unless_weft

ns_create a n b
veth_link a va n na
veth_link n nb b vb
addr_add a va 10.1.0.2/24
addr_add n na 10.1.0.1/24
addr_add n nb 192.0.2.1/24
addr_add b vb 192.0.2.2/24
ns_ip a route add default via 10.1.0.1
forwarding_on n

# Linux' defaults of nf_conntrack_udp_timeout and nf_conntrack_udp_timeout_stream.
timeouts_are_usual() {
	local unreplied stream

	unreplied=$(ns n cat /proc/sys/net/netfilter/nf_conntrack_udp_timeout)
	stream=$(ns n cat /proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream)
	expect_eq "timeouts of conntrack" "$unreplied $stream" "30 120"
}

# The router tracks flows, and maps new ones to ADDRESS, if given.
nat_set() { # nat_set [ADDRESS]
	ns n nft -f - <<-EOF
		table ip nat
		delete table ip nat
		table ip nat {
			chain forward {
				type filter hook forward priority filter
				ct state new counter
			}
			chain out {
				type nat hook postrouting priority srcnat
				${1:+oifname nb ip protocol udp snat to $1}
			}
		}
	EOF
}

state_is() { # state_is STATE
	ns a "$WEFT" show wt0 state | grep -w "$1" >/dev/null
}

# For waits of minutes: on a slow machine continuous polling takes longer than the wait.
poll_state_rarely() { # poll_state_rarely STATE
	pause 4
	state_is "$1"
}

steady_traffic() {
	ns_run flow a ping -n -q -i 1 10.9.0.2
	defer ns_stop flow INT
}

# The longest pause between initiations of a lasts LOW to HIGH seconds.
pause_was() { # pause_was LOW HIGH: the longest time between two initiations, in seconds
	local longest

	capture_stop tries
	longest=$(capture_dump tries | awk 'NR > 1 && $1 - t > most { most = $1 - t } { t = $1 } END { printf "%d\n", most }')
	note "the longest pause between two initiations: $longest s"
	expect_between "s" "$longest" "$1" "$2"
}

# As at boot: the router forwards the first packets before it has the NAT rule.
entry_without_nat() {
	local start

	pair_tunnels_create
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	nat_set
	capture_start tries a va "$(type_filter 1)"
	steady_traffic
	wait_for 10 state_is handshaking
	timeouts_are_usual
	nat_set 192.0.2.1
	start=$(now_ms)
	# Two series of tries, and 35 s.
	wait_for 239 poll_state_rarely up
	note "a session after $((($(now_ms) - start) / 1000)) s"
	pause_was 35 41
	expect ns a ping -n -q -c 3 -i 0.2 -W 2 10.9.0.2
}

# The router has a new address, and a flow that has had answers keeps its mapping to the old one.
entry_of_lost_address() {
	local start

	pair_tunnels_create
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	nat_set 192.0.2.1
	session_up a wt0 b wt0 10.9.0.2
	steady_traffic
	pause 5
	timeouts_are_usual
	# In this order: the new address would otherwise be removed with the old one, as its secondary address.
	ns_ip_batch n "addr del 192.0.2.1/24 dev nb" "addr add 192.0.2.11/24 dev nb"
	defer ns_ip_batch n "addr del 192.0.2.11/24 dev nb" "addr add 192.0.2.1/24 dev nb"
	# Packets to the old address find no neighbour any more.
	ns_ip b neigh flush dev vb
	nat_set 192.0.2.11
	capture_start tries a va "$(type_filter 1)"
	start=$(now_ms)
	wait_for 30 state_is silent
	# Two series and 35 s, two series and 125 s.
	wait_for 574 poll_state_rarely up
	note "a session after $((($(now_ms) - start) / 1000)) s"
	pause_was 125 133
	expect ns a ping -n -q -c 3 -i 0.2 -W 2 10.9.0.2
}

# Without a pause, or with traffic alone, a peer that is reachable again is found by the next retry.
peer_is_back_meanwhile() {
	local start

	pair_tunnels_create
	nat_set 192.0.2.1
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	ns_ip b link set vb down
	steady_traffic
	pause 150
	ns_ip b link set vb up
	start=$(now_ms)
	wait_for 7 state_is up
	note "a session after $(($(now_ms) - start)) ms"
}

run_case "a mapping older than the NAT rule expires" entry_without_nat
run_case "a peer that was unreachable for 150 s is found at once" peer_is_back_meanwhile
run_case "a mapping to a removed address expires, too" entry_of_lost_address
