#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measures in a guest that is a program (native.sh), and prints a line of JSON for each figure: one round, all kinds
# in turn.
#
#   guest-native.sh      KINDS, CASES: lists of words; SECS: CPU seconds of each figure; SPOKES: of the hub; FOLDER: a folder of the
#                        host's; PROFILED: cases of which the host's perf takes a profile, in place of figures
#
# guest.sh has the drawing of namespaces and links.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/bench/tunnels.sh
. "$here/tunnels.sh"

KINDS=${KINDS:-none wireguard weft}
CASES=${CASES:-tcp1}
SECS=${SECS:-1} SPOKES=${SPOKES:-100} PROFILED=${PROFILED-}
export METER=/dev/tty2
traffic=$programs/traffic
work=$(mktemp -d)
# Cases of a hub with sessions to set up: each has a new hub.
hub_cases="handshake hub"
fair_case="fair"
# Cases for a tunnel in user space, which is not compared with weft in each detail.
go_cases="tcp1 tcp4 udp forward pingpong"

measure() { # measure KIND CASE UNIT TRAFFIC_ARGUMENTS...
	local what=("$1" "$2" offloads "$3") line

	shift 3
	if line=$("$traffic" "$@" 2>"$work/errors"); then
		result "${what[@]}" "$line"
	else
		no_result "${what[@]:0:3}" "traffic: $(tail -n 3 "$work/errors")"
	fi
}

# The amount before the measurement; a tunnel in user space, a process of the host's, needs less to take as long.
warm() { # warm KIND NUMBER
	case $1 in
	wireguard-go*) echo $(($2 / 20)) ;;
	*) echo "$2" ;;
	esac
}

# ---- cases between two ends: case_NAME KIND ----

case_tcp1() {
	measure "$1" tcp1 byte stream a b "$far" 1 "$(warm "$1" 20000000)" "${SECS}s"
}

case_tcp4() {
	measure "$1" tcp4 byte stream a b "$far" 4 "$(warm "$1" 20000000)" "${SECS}s"
}

case_udp() {
	measure "$1" udp packet datagrams a b "$far" 1300 "$(warm "$1" 8192)" "${SECS}s"
}

case_udp-mmsg() {
	measure "$1" udp-mmsg packet datagrams a b "$far" 1300 "$(warm "$1" 8192)" "${SECS}s" sendmmsg
}

case_udp-gso() {
	measure "$1" udp-gso packet datagrams a b "$far" 1300 "$(warm "$1" 8192)" "${SECS}s" segments
}

case_forward() {
	measure "$1" forward packet datagrams c d 10.2.0.2 64 "$(warm "$1" 8192)" "${SECS}s" sendmmsg
}

case_forward-imix() {
	measure "$1" forward-imix packet datagrams c d 10.2.0.2 imix "$(warm "$1" 8192)" "${SECS}s" sendmmsg
}

case_ping() {
	local count=$((SECS * 3000))

	measure "$1" ping "round trip" command $count nsenter --net=/run/netns/a ping -n -q -f -c $count "$far"
}

case_pingpong() {
	measure "$1" pingpong "round trip" pingpong a b "$far" "$(warm "$1" 400)" "${SECS}s"
}

# ---- cases of a hub ----

case_handshake() {
	measure "$1" handshake handshake first s h 10.8.0.1+1 "$SPOKES"
}

case_hub() {
	measure "$1" hub byte stream s h 10.8.0.1+1 "$SPOKES" 20000000 "${SECS}s"
}

# Bytes sent by the first spoke.
bulk_bytes() {
	ns s awk '$1 == "wt1:" { print $10 }' /proc/net/dev
}

bulk_goes_on() { # bulk_goes_on PID: waits for another megabyte
	local begin tries=0

	begin=$(bulk_bytes)
	while [ "$(bulk_bytes)" -lt $((begin + 1000000)) ]; do
		kill -0 "$1" 2>/dev/null && [ $((tries += 1)) -lt 600 ] || return
		sleep 0.05
	done
}

# One spoke's round trips, alone and beside another spoke's bulk traffic, which must not end before them.
case_fair() {
	local bulk line

	measure "$1" fair-alone "round trip" pingpong s h 10.8.0.2 100 600
	TRAFFIC_PORT=7011 env -u METER "$traffic" stream s h 10.8.0.1 1 0 100000000000 >/dev/null 2>&1 &
	bulk=$!
	line=$(bulk_goes_on $bulk && measure "$1" fair-loaded "round trip" pingpong s h 10.8.0.2 100 600)
	if [ -n "$line" ] && bulk_goes_on $bulk; then
		printf '%s\n' "$line"
	else
		no_result "$1" fair-loaded offloads "the other spoke's bulk does not go on"
	fi
	kill $bulk 2>/dev/null
	wait $bulk 2>/dev/null
}

# ---- rounds ----

all_absent() { # all_absent KIND CASE...
	local kind=$1 name

	shift
	for name; do
		no_result "$kind" "$name" offloads "$(tail -n 3 "$work/errors")"
	done
}

run_case() { # run_case KIND CASE
	if [[ " $PROFILED " == *" $2 "* ]]; then
		PROFILE_NAME=$1.$2 "case_$2" "$1"
	else
		"case_$2" "$1"
	fi
}

run_pair() { # run_pair KIND CASE...
	local kind=$1 name

	shift
	[ $# != 0 ] || return 0
	if pair_create "$kind" 2>"$work/errors" && pair_topology offloads; then
		for name; do
			run_case "$kind" "$name"
		done
	else
		all_absent "$kind" "$@"
	fi
	pair_delete
}

run_hub() { # run_hub KIND COUNT CASE...
	local kind=$1 count=$2 name

	shift 2
	[ $# != 0 ] || return 0
	if hub_create "$kind" "$count" 2>"$work/errors" && hub_topology offloads; then
		for name; do
			run_case "$kind" "$name"
		done
	else
		all_absent "$kind" "$@"
	fi
	hub_delete
}

run_kind() { # run_kind KIND
	local kind=$1 pair=() hub=() fair=() name

	for name in $CASES; do
		if [[ $kind == wireguard-go* && " $go_cases " != *" $name "* ]]; then
			continue
		elif [[ " $hub_cases " != *" $name "* && $name != "$fair_case" ]]; then
			pair+=("$name")
		elif ! hub_possible "$kind" || [[ $kind == none && $name != hub ]]; then
			continue
		elif [ "$name" = "$fair_case" ]; then
			fair=("$name")
		else
			hub+=("$name")
		fi
	done
	run_pair "$kind" "${pair[@]}"
	run_hub "$kind" "$SPOKES" "${hub[@]}"
	run_hub "$kind" 2 "${fair[@]}"
}

# perf attributes samples to the kernel's process, without its functions; and modules have other addresses at each
# start.
keep_symbols() {
	mkdir "$work/folder"
	mount -t hostfs -o "$FOLDER" none "$work/folder" || return
	cat /proc/kallsyms >"$work/folder/kallsyms"
	umount "$work/folder"
}

main() {
	local kind

	sysctl -qw net.ipv4.tcp_no_metrics_save=1
	settle || return
	for kind in $KINDS; do
		run_kind "$kind"
	done
	[ -z "$PROFILED" ] || keep_symbols || return
	rm -rf "$work"
}

main
