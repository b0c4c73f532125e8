#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Shared by the tests that fuzz in the machine. To be sourced after lib.sh.
#
#   COUNT           number of packets, or of messages: few by default
#   FUZZ_SECONDS    time limit
#                   fuzz_is_cut names the one that the caller has set
#   SEED            determines the input, but not its timing against other traffic
#
#   programs_needed PROGRAM...    skips the test if a program is not built
#   packets_create                namespaces and tunnels for fuzz_packets.py, and packets_environment for it
#   traffic_start NS ADDRESS OUTER_ADDRESS    pings without end, through the tunnel and outside of it
#   traffic_check SECONDS         the pings through the tunnel never waited for a reply for so much longer than those
#                                 outside, which wait while the whole machine stands still
#   memory_kb                     the kernel's allocated memory, slabs and pages

programs=/weft/programs
# shellcheck disable=SC2034 # for the tests
fuzz_is_cut=${COUNT:+COUNT}${FUZZ_SECONDS:+FUZZ_SECONDS}
COUNT=${COUNT:-$(scaled 20000 4000)}
FUZZ_SECONDS=${FUZZ_SECONDS:-3600}
SEED=${SEED:-1}
note "SEED=$SEED COUNT=$COUNT FUZZ_SECONDS=$FUZZ_SECONDS"

programs_needed() {
	local name

	for name; do
		[ -x "$programs/$name" ] || skip "no program $name: debug/Makefile builds it"
	done
}

# fuzz_packets.py runs in b, and speaks to the tunnel wt0 of a; c has another tunnel to it.
packets_create() {
	pair_underlay_create
	ns_ip a link set va address 02:00:00:00:00:01 mtu 9000
	ns_ip b link set vb address 02:00:00:00:00:02 mtu 9000
	# Incomplete fragments expire soon.
	ns a sysctl -qw net.ipv4.ipfrag_time=2 net.ipv6.ip6frag_time=2
	ns_create c
	veth_link a va2 c vc
	addr_add a va2 198.51.100.1/24
	addr_add c vc 198.51.100.3/24
	program_create
	new_key b.silent
	tunnel_create c wt0 10.9.0.3/24
	peer_add a wt0 c wt0 10.9.0.3/32
	peer_add c wt0 a wt0 10.9.0.1/32 endpoint 198.51.100.1:51820 persistent-keepalive 5
	session_up c wt0 a wt0 10.9.0.1
	# shellcheck disable=SC2034 # for the tests
	packets_environment=(
		KEY_FILE="$(key_file b.program)" SILENT_FILE="$(key_file b.silent)" TUNNEL_KEY="$(tunnel_key a wt0)"
		TUNNEL_NS="$(ns_name a)"
	)
}

traffic_start() { # traffic_start NS ADDRESS OUTER_ADDRESS
	ns_run traffic "$1" ping -D -n -i 0.25 "$2"
	ns_run beside "$1" ping -D -n -i 0.25 "$3"
}

# The longest time between two replies, or from the last one to the end.
longest_gap_ms() { # longest_gap_ms RUN
	awk -v now="$(date +%s.%N)" '
		/bytes from/ { at = substr($1, 2) + 0; if (last && at - last > gap) gap = at - last; last = at }
		END { if (now - last > gap) gap = now - last; printf "%d\n", gap * 1000 }' "$(ns_output "$1")"
}

traffic_check() { # traffic_check SECONDS
	local gap beside

	gap=$(longest_gap_ms traffic)
	beside=$(longest_gap_ms beside)
	note "$(grep -c 'bytes from' "$(ns_output traffic)") pings were answered, and none was waited for longer than $gap ms; without a tunnel $beside ms"
	expect_le "the longest time without an answer, in ms" "$gap" $(($1 * 1000 + beside))
}

memory_kb() {
	awk '/^(Slab|KernelStack|Percpu|VmallocUsed):/ { n += $2 } END { print n }' /proc/meminfo
}
