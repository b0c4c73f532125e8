#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measures in a guest that is a program (native.sh), and prints a line of JSON for each figure: one round, all kinds
# in turn.
#
#   guest-native.sh      KINDS, CASES: lists of words; SECS: CPU seconds of each figure; SPOKES: of the hub; MANY: of the hub that
#                        restarts; FOLDER: a folder of the host's; PROFILED: cases of which the host's perf takes a profile, in
#                        place of figures
#
# guest.sh has the drawing of namespaces and links.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/bench/tunnels.sh
. "$here/tunnels.sh"

KINDS=${KINDS:-none wireguard weft}
CASES=${CASES:-tcp1}
SECS=${SECS:-1} SPOKES=${SPOKES:-100} MANY=${MANY:-1000} PROFILED=${PROFILED-}
export METER=/dev/tty2
traffic=$programs/traffic
near=10.9.0.1
work=$(mktemp -d)
# Cases of a hub with sessions to set up: each has a new hub.
hub_cases="handshake hub"
FAIR_SPOKES=5
fair_case="fair"
restart_cases="restart restart-kept"
# Two CPUs are what these cases are about.
two_cpu_cases="tcp1-back tcp4-back tcp1-both tcp4-both $restart_cases"
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

case_tcp1-back() {
	measure "$1" tcp1-back byte stream b a "$near" 1 "$(warm "$1" 20000000)" "${SECS}s"
}

case_tcp4-back() {
	measure "$1" tcp4-back byte stream b a "$near" 4 "$(warm "$1" 20000000)" "${SECS}s"
}

case_tcp1-both() {
	measure "$1" tcp1-both byte stream a b "$far" 1 "$(warm "$1" 40000000)" "${SECS}s" "$near"
}

case_tcp4-both() {
	measure "$1" tcp4-both byte stream a b "$far" 4 "$(warm "$1" 40000000)" "${SECS}s" "$near"
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

# The first handshakes of these peers, and then others.
case_handshake() {
	measure "$1" handshake handshake first s h 10.8.0.1+1 "$SPOKES"
	if spokes_forget "$SPOKES" | ip_batch s; then
		measure "$1" handshake-again handshake first s h 10.8.0.1+1 "$SPOKES"
	else
		no_result "$1" handshake-again offloads "the spokes' devices cannot be restarted"
	fi
}

case_hub() {
	measure "$1" hub byte stream s h 10.8.0.1+1 "$SPOKES" 20000000 "${SECS}s"
}

# The fewest bytes that one of the first spokes has sent.
bulk_bytes() { # bulk_bytes COUNT
	ns s awk -v count="$1" '
		{ number = substr($1, 3) + 0 }
		$1 ~ /^wt[0-9]+:$/ && number <= count && (least == "" || $10 < least) { least = $10 }
		END { print least + 0 }' /proc/net/dev
}

bulk_goes_on() { # bulk_goes_on PID COUNT: waits for another 100 kB of each
	local begin tries=0

	begin=$(bulk_bytes "$2")
	while [ "$(bulk_bytes "$2")" -lt $((begin + 100000)) ]; do
		kill -0 "$1" 2>/dev/null && [ $((tries += 1)) -lt 600 ] || return
		sleep 0.05
	done
}

fair_pings() { # fair_pings KIND CASE
	measure "$1" "$2" "round trip" pingpong s h 10.8.0.$FAIR_SPOKES 100 2000
}

# The last spoke's round trips beside the bulk traffic of the first ones, which must not end before them.
fair_beside() { # fair_beside KIND CASE COUNT
	local bulk line

	TRAFFIC_PORT=7011 env -u METER "$traffic" stream s h 10.8.0.1+1 "$3" 0 100000000000 >/dev/null 2>&1 &
	bulk=$!
	line=$(bulk_goes_on $bulk "$3" && fair_pings "$1" "$2")
	if [ -n "$line" ] && bulk_goes_on $bulk "$3"; then
		printf '%s\n' "$line"
	else
		no_result "$1" "$2" offloads "the bulk of $3 other spokes does not go on"
	fi
	kill $bulk 2>/dev/null
	wait $bulk 2>/dev/null
}

case_fair() {
	fair_pings "$1" fair-alone
	fair_beside "$1" fair-loaded 1
	fair_beside "$1" fair-four $((FAIR_SPOKES - 1))
}

restart() { # restart KIND CASE hub|kept
	measure "$1" "$2" spoke restart s h 10.8.0.1+1 "$MANY" "ip -n h link delete wt0" "$(hub_restart "$1" "$MANY" "$3")"
}

case_restart() {
	restart "$1" restart hub
}

case_restart-kept() {
	restart "$1" restart-kept kept
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

run_hub() { # run_hub KIND COUNT together|apart CASE...
	local kind=$1 count=$2 place=$3 name

	shift 3
	[ $# != 0 ] || return 0
	if hub_create "$kind" "$count" "$place" 2>"$work/errors" && hub_topology offloads; then
		for name; do
			run_case "$kind" "$name"
		done
	else
		all_absent "$kind" "$@"
	fi
	hub_delete
}

is_in() { # is_in WORD LIST
	[[ " $2 " == *" $1 "* ]]
}

# Whether a case can be measured with that kind, and this number of CPUs.
is_possible() { # is_possible KIND CASE
	case $1 in
	wireguard-go*) is_in "$2" "$go_cases" || return ;;
	none) ! is_in "$2" "handshake $fair_case $restart_cases" || return ;;
	esac
	[ "$(nproc)" != 1 ] || ! is_in "$2" "$two_cpu_cases"
}

run_kind() { # run_kind KIND
	local kind=$1 pair=() hub=() fair=() restart=() name

	for name in $CASES; do
		if ! is_possible "$kind" "$name"; then
			continue
		elif is_in "$name" "$hub_cases"; then
			hub+=("$name")
		elif [ "$name" = "$fair_case" ]; then
			fair=("$name")
		elif is_in "$name" "$restart_cases"; then
			restart+=("$name")
		else
			pair+=("$name")
		fi
	done
	run_pair "$kind" "${pair[@]}"
	run_hub "$kind" "$SPOKES" together "${hub[@]}"
	run_hub "$kind" $FAIR_SPOKES together "${fair[@]}"
	run_hub "$kind" "$MANY" apart "${restart[@]}"
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
