#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A flooded tunnel keeps working: its throughput, its handshakes, the machine's memory.
#
#	 namespace b                    namespace a                        namespace f
#	 10.9.0.2 wt0 ==== tunnel ==== wt0 10.9.0.1
#	 192.0.2.2 vb ----- veth ----- va 192.0.2.1   va2 198.51.100.1 --- veth --- vx 198.51.100.2, .10 to .17
#
# The test runs on one CPU whose time is counted in instructions. The flooder gets half of that time, before all other
# programs: its half stands for another CPU, with the kernel's work for a packet until it is dropped or queued. The
# other half is for the tunnel: both of its ends, the programs that use it, and weft's later work for queued packets.
# The tunnel's throughput in this half is compared with that under the same flood to another socket, which no program
# reads.
#
# On debug kernels, and on two CPUs in real time, shares of time mean nothing: there the figures are printed, and only
# the rest is checked.
#
# make flood runs it, as described in run/long.sh. FLOODS: the floods, by default all. Notes that begin with "figure" are
# figures.
# vm: icount
# timeout: 3600
# shellcheck source=selftests/kselftest/lib.sh
. "$(dirname "$0")/../kselftest/lib.sh"

share=50
megabytes=${MEGABYTES:-12}
tries=${TRIES:-3}
programs=/weft/programs
flooder_mac=02:00:00:00:00:01
tunnel_mac=02:00:00:00:00:02
deaf_port=9
# The flooder's own sources; a spoofed source is any of 131072.
own_sources=(198.51.100.{10..17})

underlay_create() {
	pair_underlay_create
	ns_create f
	ip link add vx netns "$(ns_name f)" address $flooder_mac type veth peer name va2 netns "$(ns_name a)" address $tunnel_mac
	addr_add f vx 198.51.100.2/24 "${own_sources[@]/%//24}"
	addr_add a va2 198.51.100.1/24
	ns_ip f link set vx up
	ns_ip a link set va2 up
	ns_ip a route add 198.18.0.0/15 via 198.51.100.2
	wait_for 20 ns f ping -n -c 1 -W 1 198.51.100.1
}

# The first packets fill its buffer; later ones are dropped at once.
deaf_start() {
	ns_run deaf a python3 -c "
import signal, socket
deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
deaf.bind(('', $deaf_port))
print('deaf', flush=True)
signal.pause()"
	wait_for 20 grep -q deaf "$(ns_output deaf)"
}

make_messages() { # make_messages KIND [ARGS...]
	ns f python3 "$test_dir/flood.py" "$1" "$lib_work/$1" "${@:2}"
}

# Captures packets from b to a.
capture_session() {
	capture_start session a va 'src host 192.0.2.2 and udp and len > 1000'
	stream 2 >/dev/null
	capture_stop session
}

# Makes the messages of a flood; those with a session belong to the current one.
prepare() { # prepare FLOOD
	case $1 in
	initiations|known-key)
		make_messages "$1" "$(tunnel_key a wt0)"
		;;
	cookies)
		make_messages cookies "$(tunnel_key a wt0)" 198.51.100.1 "${own_sources[@]}"
		;;
	strays)
		make_messages strays
		;;
	replays|forgeries)
		session_up b wt0 a wt0 10.9.0.1
		capture_session
		make_messages "$1" "$lib_work/captures/session"
		;;
	esac
}

# Floods the tunnel, or the socket beside it.
flood_start() { # flood_start FLOOD [PORT]
	local length=148 first=198.18.0.0 sources=131072

	case $1 in
	cookies)
		first=${own_sources[0]} sources=${#own_sources[@]}
		;;
	strays|replays|forgeries)
		length=1452
		;;
	esac
	ns_run flood f $programs/flood vx $tunnel_mac "$first" "$sources" 198.51.100.1 "${2:-51820}" "$length" "$lib_work/$1" $share
	wait_for 30 grep -q flooding "$(ns_output flood)"
}

# Ends the flood, and prints its figures.
flood_stop() { # flood_stop WHAT
	ns_stop flood
	[[ $(<"$(ns_output flood)") =~ '"sent":'([0-9]+)',"ns":'([0-9]+) ]] || fail "the flooder printed no figures"
	note "figure $KIND $1: ${BASH_REMATCH[1]} packets, $((BASH_REMATCH[2] / BASH_REMATCH[1])) instructions each"
}

# Bytes that b sends to a, and the nanoseconds it takes. The first megabyte does not count.
stream() { # stream MEGABYTES
	$programs/traffic stream "$(ns_name b)" "$(ns_name a)" 10.9.0.1 1 1000000 $(($1 * 1000000))
}

time_is_shared() {
	[ "$SLOW" = 1 ] && [ "$(nproc)" = 1 ]
}

# In kilobytes a second.
throughput() {
	stream "$megabytes" | python3 -c '
import json, sys
figure = json.load(sys.stdin)
print(round(figure["count"] * len(figure["rounds"]) * 1e6 / sum(figure["rounds"])))'
}

baseline() { # baseline FLOOD
	local kbytes

	flood_start "$1" $deaf_port
	kbytes=$(throughput)
	flood_stop "$1, beside the tunnel"
	note "figure $KIND $1, beside the tunnel: $kbytes kB/s"
	set_value "beside-$1" "$kbytes"
}

carries() { # carries FLOOD
	local kbytes beside part

	baseline "$1"
	flood_start "$1"
	kbytes=$(throughput)
	flood_stop "$1"
	beside=$(value "beside-$1")
	part=$((kbytes * 100 / beside))
	note "figure $KIND $1: $kbytes kB/s, $part %"
	[ "$KIND" != weft ] || ! time_is_shared || expect_ge "percent of the throughput beside the flood" $part 80
}

# The initiator's link has just come up, without a session.
handshake() { # handshake FROM TO ADDRESS: sets took, in ms
	local begin

	ns_ip_batch "$1" "link set wt0 down" "link set wt0 up"
	begin=$(now_ms)
	took=none
	! ns "$1" ping -n -c 1 -W 15 "$3" >/dev/null || took=$(($(now_ms) - begin))
}

shakes_hands() { # shakes_hands FLOOD
	local try took worst=0 all=''

	flood_start "$1"
	pause 1
	for ((try = 0; try < tries; try++)); do
		handshake b a 10.9.0.1
		all+="$took "
		[ "$took" != none ] || took=15000
		[ "$took" -le $worst ] || worst=$took
		handshake a b 10.9.0.2
		all+="$took "
		[ "$took" != none ] || took=15000
		[ "$took" -le $worst ] || worst=$took
	done
	flood_stop "$1, with handshakes"
	note "figure $KIND $1: handshakes took $all ms"
	[ "$KIND" != weft ] || expect_le "milliseconds of the slowest" $worst $((10000 * SLOW))
}

memory_used() { # in kB
	awk '/^(MemFree|Buffers|Cached|SReclaimable):/ { free += $2 } /^MemTotal:/ { total = $2 } END { print total - free }' /proc/meminfo
}

# Up to 4096 messages are queued: 4 MB with their buffers. Freed memory in KASAN's quarantine counts as used.
needs_little_memory() { # needs_little_memory FLOOD
	local before most=0 now kept=0 i

	[ "$SLOW" = 1 ] || kept=$(awk '/^MemTotal:/ { print int($2 / 32) }' /proc/meminfo)
	before=$(memory_used)
	flood_start "$1"
	for ((i = 0; i < 10; i++)); do
		pause 0.1
		now=$(($(memory_used) - before))
		[ $now -le $most ] || most=$now
	done
	flood_stop "$1, watched"
	pause 3
	now=$(($(memory_used) - before))
	note "figure $KIND $1: memory grows by $most kB, and afterwards is $now kB above"
	expect_le "kB used during the flood" $most $((16384 + kept))
	expect_le "kB used afterwards" $now $((4096 + kept))
}

underlay_create
pair_tunnels_create
session_up a wt0 b wt0 10.9.0.2
deaf_start
note "figure $KIND alone, with the whole CPU: $(throughput) kB/s"
for flood in ${FLOODS:-initiations known-key cookies strays replays forgeries}; do
	prepare "$flood"
	run_case "$flood: throughput" carries "$flood"
	run_case "$flood: memory" needs_little_memory "$flood"
	# Ends the session of the replays and forgeries.
	run_case "$flood: handshakes" shakes_hands "$flood"
done
