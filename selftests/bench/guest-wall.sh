#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Throughput and latency in real time, on two CPUs and on one of them. Other programs use the machine, too, and
# emulation distorts: only ratios of alternating runs count. Prints a line of JSON for each run.
#
#   guest-wall.sh        TURNS: runs of each kind; MEGABYTES: of each stream; ROUND_TRIPS
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/bench/tunnels.sh
. "$here/tunnels.sh"

TURNS=${TURNS:-7}
MEGABYTES=${MEGABYTES:-4}
ROUND_TRIPS=${ROUND_TRIPS:-300}
traffic=$programs/traffic
work=$(mktemp -d)

run_wall() { # run_wall KIND CASE CPUS UNIT TRAFFIC_ARGUMENTS...
	local what=("${@:1:4}") line

	shift 4
	if line=$("$traffic" "$@" 2>"$work/errors"); then
		result "${what[@]}" "$line"
	else
		no_result "${what[@]:0:3}" "traffic: $(tail -n 3 "$work/errors")"
	fi
}

stream_wall() { # stream_wall KIND FLOWS CPUS [SUFFIX]
	run_wall "$1" "wall-tcp$2${4-}" "$3" byte stream a b "$far" "$2" 500000 $((MEGABYTES * 1000000))
}

pingpong_wall() { # pingpong_wall KIND CPUS
	run_wall "$1" wall-pingpong "$2" "round trip" pingpong a b "$far" 50 "$ROUND_TRIPS"
}

# One device in each turn, kinds alternating: A B A B.
compare_kinds() {
	local turn kind

	for ((turn = 0; turn < TURNS; turn++)); do
		for kind in wireguard weft; do
			pair_create "$kind" || return
			pair_topology offloads
			stream_wall "$kind" 1 2
			stream_wall "$kind" 4 2
			pingpong_wall "$kind" 2
			pair_topology wire
			stream_wall "$kind" 1 2 -wire
			pair_delete
		done
	done
}

second_cpu() { # second_cpu 0|1
	echo "$1" >/sys/devices/system/cpu/cpu1/online
}

compare_cpus() {
	local turn cpus

	for ((turn = 0; turn < TURNS; turn++)); do
		for cpus in 2 1; do
			second_cpu $((cpus - 1)) || return
			pair_create weft || return
			pair_topology offloads
			stream_wall weft 1 "$cpus-cpu"
			pair_delete
		done
		second_cpu 1
	done
}

# Two spokes of one hub: the first one's bulk traffic, and the second one's round trips.
fairness() { # fairness KIND
	local turn bulk

	hub_create "$1" 2 || return
	hub_topology offloads
	for ((turn = 0; turn < TURNS; turn++)); do
		run_wall "$1" fair-alone 2 "round trip" pingpong s h 10.8.0.2 50 "$ROUND_TRIPS"
		TRAFFIC_PORT=7011 "$traffic" stream s h 10.8.0.1 1 0 100000000000 >/dev/null 2>&1 &
		bulk=$!
		sleep 1
		run_wall "$1" fair-loaded 2 "round trip" pingpong s h 10.8.0.2 50 "$ROUND_TRIPS"
		kill $bulk
		wait $bulk 2>/dev/null
	done
	hub_delete
}

main() {
	local kind

	sysctl -qw net.ipv4.tcp_no_metrics_save=1
	settle
	compare_kinds
	for kind in wireguard weft; do
		fairness "$kind"
	done
	compare_cpus
	rm -rf "$work"
}

main
