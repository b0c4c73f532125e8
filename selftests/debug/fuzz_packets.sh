#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets of all kinds at a tunnel's socket: mutated handshakes with a valid mac1, garbage that authenticates, data
# spoiled after sealing, noise; in valid and invalid UDP, in fragments, in packets for segmentation, in rows for GRO.
# The machine survives, another tunnel keeps working, and the memory is freed.
#
#	 namespace c                 namespace a: the tunnel                namespace b
#	 wt0 10.9.0.3, pings         wt0 10.9.0.1 fd09::1                   fuzz_packets.py, as 10.9.0.2 and fd09::2
#	 vc 198.51.100.3 --- veth --- va2 198.51.100.1
#	                             va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# vm: smp
# timeout: 7200
. "$(dirname "$0")/../kselftest/lib.sh"
. "$(dirname "$0")/fuzz.sh"

skip_unless_weft
programs_needed fuzz_packets
packets_create
traffic_start c 10.9.0.1 198.51.100.1

fuzz() { # fuzz HALF: 0 or 1
	ns b env "${packets_environment[@]}" /usr/bin/python3 "$test_dir/fuzz_packets.py" fuzz $((SEED * 2 + $1)) \
		$((COUNT / 2)) $((FUZZ_SECONDS / 2)) >"$lib_work/said" 2>&1 || fail "SEED=$SEED: $(cat "$lib_work/said")"
	note "$(cat "$lib_work/said")"
	set_value "sent$1" "$(awk '{ print $1 }' "$lib_work/said")"
	expect ns c ping -q -n -c 3 -i 0.2 -W 20 10.9.0.1
	transfer c a 10.9.0.1 200000
	wait_for 90 no_fragments
	set_value "memory$1" "$(memory_kb)"
}

no_fragments() {
	[ "$(ns a awk '/^FRAG6?:/ { n += $3 } END { print n }' /proc/net/sockstat /proc/net/sockstat6)" = 0 ]
}

# A packet that the sender's segmentation does not split arrives in one piece.
at_once() {
	fuzz 0
}

# Packets queue at the sender, and arrive in bursts: GRO merges the packets of one poll. The search of the path MTU is
# on, which adds a check to packets from the tunnel.
in_bursts() {
	tunnel_set a wt0 pmtu on
	wire_offloads_off a va b vb
	ns b tc qdisc add dev vb root netem delay 2ms limit 10000
	fuzz 1
	ns b tc qdisc del dev vb root
}

# A fuzzer that only reaches the outermost checks tests little.
far_enough() {
	local reason sent=$(($(value sent0) + $(value sent1)))

	ns a ethtool -S wt0 | awk '$2 != 0 && NR > 1 { print "#", $1, $2 }'
	if [ $sent -lt 4000 ]; then
		[ -z "$fuzz_is_cut" ] || skip "only $sent packets, as the caller wished"
		fail "only $sent packets, of $COUNT"
	fi
	for reason in malformed mac handshake unknown_peer no_session auth replay source not_ip ecn; do
		expect_gt "rx_drop_$reason" "$(ethtool_stat a wt0 "rx_drop_$reason")" 0
	done
}

# Freed memory in KASAN's quarantine counts as allocated; kmemleak finds leaks there.
memory_returns() {
	local room=8192

	[ "$SLOW" = 1 ] || room=$((room + $(awk '/^MemTotal:/ { print int($2 / 32) }' /proc/meminfo)))
	note "$(value memory0) kB of the kernel's memory after one half, $(value memory1) kB after the other"
	expect_le "growth of the memory in kB" $(($(value memory1) - $(value memory0))) $room
}

run_case "mutated packets, packets for segmentation whole" at_once
run_case "mutated packets, in bursts through GRO" in_bursts
run_case "mutated packets reach each check" far_enough
run_case "memory is freed" memory_returns
run_case "another tunnel keeps working" traffic_check $((2 + SLOW))
