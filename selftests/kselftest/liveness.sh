#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The state of a peer, and its age; retries for a peer that was given up; recovery of a tunnel after one of its ends
# was restarted; and waiting for a peer in scripts.
#
#	 namespace a                                  namespace b
#	 wt0 10.9.0.1 fd09::1                         wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 --- veth (with delay) --- vb 192.0.2.2
#
#	 or  va 10.1.0.2 --- na 10.1.0.1 (namespace n: NAT) nb 192.0.2.1 --- vb 192.0.2.2
# timeout: 2000
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

skip_unless_weft

# A number from the JSON of the only peer in a, or in NS.
json_number() { # json_number NAME [NS]
	local json

	json=$(ns "${2-a}" "$WEFT" -j show wt0)
	if [[ $json =~ \"$1\":\ *([0-9]+) ]]; then
		echo "${BASH_REMATCH[1]}"
	else
		echo none
	fi
}

state() { # state [NS]
	local fields

	IFS=$'\t' read -ra fields < <(ns "${1-a}" "$WEFT" show wt0 state)
	echo "${fields[1]}"
}

state_is() { # state_is STATE [NS]
	[ "$(state "${2-a}")" = "$1" ]
}

# Each poll starts a process: polling begins when the state may change.
state_becomes() { # state_becomes STATE FROM TO: between FROM and TO seconds from now
	pause "$2"
	wait_for "$(($3 - $2))" state_is "$1"
}

# Drops all packets to and from b.
cut_off() {
	ns b nft -f - <<-EOF
		table ip dead {
			chain in {
				type filter hook prerouting priority 0
				iifname vb udp dport 51820 drop
			}
			chain out {
				type filter hook postrouting priority 0
				oifname vb udp sport 51820 drop
			}
		}
	EOF
}

reconnect() {
	ns b nft delete table ip dead
}

ping_b() { # ping_b [SECONDS]
	ns a ping -n -q -c 1 -W "${1-5}" 10.9.0.2
}

try_ping() {
	ping_b 1 || true
}

states() {
	local text

	pair_create
	expect_eq "state" "$(state)" idle
	expect_eq "rx-age-ms" "$(json_number rx-age-ms)" none
	expect_eq "handshake-rtt-us" "$(json_number handshake-rtt-us)" none
	cut_off
	try_ping
	expect_eq "state" "$(state)" handshaking
	expect_eq "rx-age-ms" "$(json_number rx-age-ms)" none
	expect_between "tx-age-ms" "$(json_number tx-age-ms)" 0 "$(late 2000)"
	# 18 tries.
	state_becomes given-up 88 98
	expect_between "ms since then" "$(json_number state-age-ms)" 0 "$(late 2000)"
	reconnect
	# New data starts a handshake at once.
	expect ping_b
	expect_eq "state" "$(state)" up
	expect_between "rx-age-ms" "$(json_number rx-age-ms)" 0 "$(late 1000)"
	pause 7
	expect_between "state-age-ms" "$(json_number state-age-ms)" 7000 "$(late 9000)"
	expect_between "rx-age-ms" "$(json_number rx-age-ms)" 6000 "$(late 9000)"
	text=$(ns a "$WEFT" show wt0)
	[[ $text == *"  state: up for "*" seconds"* ]] || fail "no state in: $text"
	[[ $text == *"  last packet: "*" seconds ago received, "*" seconds ago sent"* ]] || fail "no ages in: $text"
	cut_off
	try_ping
	expect_eq "state" "$(state)" up
	# 15 s have passed since data that got no answer.
	state_becomes silent 14 17
	expect_between "rx-age-ms" "$(json_number rx-age-ms)" 20000 "$(late 30000)"
	state_becomes given-up 88 98
	reconnect
	expect ping_b
	expect_eq "state" "$(state)" up
	expect_eq "b's state" "$(state b)" up
	# a's keepalive, after 10 s, is the last message, sent when the session is old enough to be renewed. The new
	# session expires.
	pause 200
	expect_eq "state" "$(state)" idle
	expect_eq "b's state" "$(state b)" idle
	expect_between "state-age-ms" "$(json_number state-age-ms)" 1000 "$(late 30000)"
}

# b falls silent during a flow, and its session expires while a retries.
outlived() {
	pair_create
	session_up a wt0 b wt0 10.9.0.2
	ns_run flow a ping -n -q -i 1 10.9.0.2
	pause 5
	cut_off
	state_becomes silent 14 25
	state_becomes handshaking 145 170
	reconnect
	wait_for 7 state_is up
	expect_between "state-age-ms" "$(json_number state-age-ms)" 0 "$(late 7000)"
	ns_stop flow INT
}

# Fields that in-tree WireGuard lacks are not printed for its peers.
hidden_from_wireguard() {
	local text

	pair_create "$KIND" wireguard
	session_up a wt0 b wt0 10.9.0.2
	text=$(ns b "$WEFT" show wt0; ns b "$WEFT" -j show wt0)
	[[ $text != *state* ]] || fail "a state is printed for wireguard: $text"
	same_output b show wt0
}

delay() { # delay TIME
	ns a tc qdisc replace dev va root netem delay "$1"
}

round_trip() {
	pair_create
	expect ns a ping -n -q -c 1 -W 5 192.0.2.2	# for ARP
	delay 30ms
	session_up a wt0 b wt0 10.9.0.2
	expect_between "handshake-rtt-us" "$(json_number handshake-rtt-us)" 30000 45000
	# The responder has no round trip to measure.
	expect_eq "b's handshake-rtt-us" "$(json_number handshake-rtt-us b)" none
	delay 300ms
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	session_up a wt0 b wt0 10.9.0.2
	expect_between "handshake-rtt-us" "$(json_number handshake-rtt-us)" 300000 330000
	expect_match "summary" "$(ns a "$WEFT" show wt0)" 'handshake rtt: 3[0-9]{2}\.[0-9]{3} ms'
}

# Long timers of the kernel may be late by 2 s.
backs_off() {
	local gaps i=17 low high

	pair_create
	cut_off
	capture_start tries a va "$(type_filter 1)"
	peer_set a wt0 b wt0 persistent-keepalive 25
	# The intervals: a series of 18 tries, then 10, 20, 40, 60, 60 s, each up to a quarter shorter.
	pause 310
	capture_stop tries
	mapfile -t gaps < <(capture_dump tries | awk 'NR > 1 { printf "%d\n", ($1 - t) * 1000 } { t = $1 }')
	note "ms between initiations: ${gaps[*]}"
	expect_eq "state" "$(state)" given-up
	for i in "${!gaps[@]}"; do
		case $i in
		17) low=7500 high=10300 ;;
		18) low=15000 high=22100 ;;
		19) low=30000 high=42100 ;;
		*) [ "$i" -lt 17 ] && low=5000 high=5400 || low=45000 high=62100 ;;
		esac
		expect_between "gap $i" "${gaps[i]}" "$low" "$high"
	done
	expect_ge "gaps" "${#gaps[@]}" 21
	expect_gt "s since it was given up" "$(($(json_number state-age-ms) / 1000))" 190
	# New data does not wait for the next try.
	reconnect
	expect ping_b 7
	expect_eq "state" "$(state)" up
}

# With a keepalive the tries continue, and a session is made without data.
comes_back() {
	pair_create
	cut_off
	peer_set a wt0 b wt0 persistent-keepalive 25
	state_becomes given-up 88 98
	reconnect
	wait_for 12 state_is up
}

# ---- restarts ----

# As after a power cycle: the tunnel is created again from its configuration.
restart_b() { # restart_b KIND [ENDPOINT-OF-A]
	tunnel_delete b wt0
	pause 1
	tunnel_create_kind "$1" b wt0 10.9.0.2/24 fd09::2/64
	# shellcheck disable=SC2086 # two words
	peer_add b wt0 a wt0 10.9.0.1/32,fd09::1/128 ${2:+endpoint $2}
}

recovered() { # recovered NAME LIMIT: pings until an answer arrives, and reports the time as a note
	local start now

	start=$(now_ms)
	wait_for "$2" ns a ping -n -q -c 1 -W 0.2 10.9.0.2
	now=$(now_ms)
	note "$1: $((now - start)) ms"
	set_value recovered $((now - start))
}

restart_under_traffic() { # restart_under_traffic KIND_A KIND_B NAME
	pair_create "$1" "$2"
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	session_up a wt0 b wt0 10.9.0.2
	# With the roles exchanged: b has initiated the session.
	if [ "${4-}" = responder ]; then
		ns_ip b link set wt0 down
		ns_ip b link set wt0 up
		wait_for 10 ns b ping -n -q -c 1 -W 1 10.9.0.1
	fi
	restart_b "$2" 192.0.2.1:51820
	recovered "$3" 30
}

restarts() {
	restart_under_traffic "$KIND" "$KIND" "$KIND restarted, a peer of $KIND sends"
	expect_le "ms" "$(value recovered)" "$(late 6000)"
}

restarts_responder() {
	restart_under_traffic "$KIND" "$KIND" "$KIND restarted, which had begun the session" responder
	expect_le "ms" "$(value recovered)" "$(late 6000)"
}

restarts_beside_wireguard() {
	restart_under_traffic wireguard "$KIND" "$KIND restarted, a peer of wireguard sends"
	expect_le "ms" "$(value recovered)" "$(late 6000)"
}

# For comparison, without a limit for the in-tree module.
wireguard_restarts() {
	restart_under_traffic wireguard wireguard "wireguard restarted, a peer of wireguard sends"
}

# Only keepalives arrive, 5 s apart.
restarts_in_silence() {
	local start

	pair_create
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	peer_set a wt0 b wt0 persistent-keepalive 5
	wait_for 10 state_is up
	restart_b "$KIND" 192.0.2.1:51820
	start=$(now_ms)
	wait_for 7 state_is up b
	note "$KIND restarted, a peer sends keepalives every 5 s: $(($(now_ms) - start)) ms"
}

# b has no endpoint of a: a detects the restart by itself, 15 s after data without an answer.
hub_restarts() {
	pair_create
	session_up a wt0 b wt0 10.9.0.2
	restart_b "$KIND"
	recovered "$KIND restarted, where its peers are is not known" 20
	expect_between "ms" "$(value recovered)" 10000 "$(late 16500)"
}

# The same amid a conversation: a peer that has answered at once so far is doubted after 4 s, and tried after another.
hub_restarts_amid() {
	pair_create
	session_up a wt0 b wt0 10.9.0.2
	# An initiation may follow 5 s after the one before.
	expect ns a ping -n -q -i 1 -c 6 -W 5 10.9.0.2
	restart_b "$KIND"
	recovered "$KIND restarted amid a conversation, where its peers are is not known" 20
	expect_between "ms" "$(value recovered)" 4000 "$(late 7500)"
}

nat_create() {
	ns_create a n b
	veth_link a va n na
	veth_link n nb b vb
	addr_add a va 10.1.0.2/24
	addr_add n na 10.1.0.1/24
	addr_add n nb 192.0.2.1/24
	addr_add b vb 192.0.2.2/24
	ns_ip a route add default via 10.1.0.1
	forwarding_on n
	ns n nft -f - <<-EOF
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat
				oifname nb ip protocol udp snat to 192.0.2.1:20000
			}
		}
	EOF
	pair_tunnels_create
}

# The hub sends to a spoke that was restarted behind its NAT.
spoke_restarts() {
	local start

	nat_create
	session_up a wt0 b wt0 10.9.0.2
	tunnel_delete a wt0
	pause 1
	tunnel_create a wt0 10.9.0.1/24 fd09::1/64
	peer_add a wt0 b wt0 10.9.0.2/32,fd09::2/128 endpoint 192.0.2.2:51820
	start=$(now_ms)
	wait_for 6 ns b ping -n -q -c 1 -W 0.2 10.9.0.1
	note "$KIND restarted behind a NAT, the hub sends: $(($(now_ms) - start)) ms"
}

# Any host can forge data messages: from an address of no peer they have no effect, from a peer's address they trigger
# an initiation at most every 5 s.
strays() {
	pair_create
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	tunnel_delete a wt0
	capture_start strays a va "src host 192.0.2.2 and udp"
	ns a /usr/bin/python3 - <<-'EOF'
		import os, socket, struct, time

		def send(port, count):
		    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		        s.bind(("192.0.2.1", port))
		        for _ in range(count):
		            s.sendto(struct.pack("<I", 4) + os.urandom(28), ("192.0.2.2", 51820))
		            time.sleep(0.05)

		send(50000, 20)
		send(51820, 60)
	EOF
	pause 10
	capture_stop strays
	expect_eq "initiations" "$(capture_count strays "$(type_filter 1)")" 1
	expect_eq "packets from b" "$(capture_count strays)" 1
	expect_eq "b's state" "$(state b)" idle
	expect_eq "strays counted" "$(ethtool_stat b wt0 rx_drop_no_session)" 80
}

# ---- waiting ----

waits() {
	local start

	pair_create
	# "wait" starts the handshake itself, and ends once the session exists.
	start=$(now_ms)
	expect ns a "$WEFT" wait wt0
	expect_lt "ms" "$(($(now_ms) - start))" "$(late 3000)"
	expect_eq "state" "$(state)" up
	expect ns a "$WEFT" wait wt0 peer "$(tunnel_key b wt0)" timeout 0
	# b, which has no endpoint of a, is idle until a sends.
	ns_ip b link set wt0 down
	ns_ip b link set wt0 up
	expect_error "is not up after 0 s: idle" ns b "$WEFT" wait wt0 timeout 0
	ns_run wait b "$WEFT" wait wt0
	pause 2
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	expect ping_b
	expect ns_wait wait 5
}

waits_in_vain() {
	local start

	pair_create
	cut_off
	start=$(now_ms)
	expect_error "is not up after 7 s: handshaking for 7 s, no packet has arrived from it" \
		ns a "$WEFT" wait wt0 timeout 7
	expect_between "ms" "$(($(now_ms) - start))" 7000 "$(late 9000)"
	ns_run wait a "$WEFT" wait wt0 timeout 200
	# After a series of tries has ended, "wait" starts the next one.
	pause 120
	expect_eq "state" "$(state)" handshaking
	reconnect
	expect ns_wait wait 7
	ns_ip a link set wt0 down
	expect_error "the interface is down" ns a "$WEFT" wait wt0
	expect_error "has been removed" waits_for_what_goes
	tunnel_delete a wt0
	expect_error "No such device" ns a "$WEFT" wait wt0
}

waits_for_what_goes() {
	local status=0

	cut_off
	ns_ip a link set wt0 up
	ns_run gone a "$WEFT" wait wt0 peer "$(tunnel_key b wt0)"
	pause 1
	peer_remove a wt0 b wt0
	ns_wait gone 5 || status=$?
	cat "$(ns_output gone)" >&2
	return $status
}

run_case "states in sequence" states
run_case "a session that expires under traffic" outlived
run_case "no such fields for in-tree peers" hidden_from_wireguard
run_case "the round trip of a handshake" round_trip
run_case "tries for a given-up peer get rarer" backs_off
run_case "and succeed when it is reachable again" comes_back
run_case "a restarted end initiates to a sending peer" restarts
run_case "also as the session's initiator" restarts_responder
run_case "also to an in-tree peer" restarts_beside_wireguard
run_case "an in-tree pair for comparison" wireguard_restarts
run_case "keepalives trigger that, too" restarts_in_silence
run_case "a spoke behind a NAT" spoke_restarts
run_case "a hub without endpoints of its peers" hub_restarts
run_case "such a hub amid a conversation" hub_restarts_amid
run_case "forged data triggers one initiation" strays
run_case "waiting for a session" waits
run_case "waiting without success" waits_in_vain
