#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measures in the guest, and prints a line of JSON for each figure as soon as it is measured.
#
#   guest.sh          KINDS, CASES, TOPOLOGIES: lists of words (see run.sh); PROFILE: adds the functions of samples as a
#                     member "stacks"; or, for several of these, JOBS: a line of KINDS;CASES;TOPOLOGIES;PROFILE
#                     each. QUICK: less of everything; PEERS: of the hub
#
#	 namespace c                 a                      b                 d
#	 10.1.0.2 vc --- vca 10.1.0.1                       10.2.0.1 vdb --- vd 10.2.0.2
#	                     10.9.0.1 wt0 ===== tunnel ===== wt0 10.9.0.2
#	                    192.0.2.1 va ------- veth ------ vb 192.0.2.2
#
# For the hub a second set: s has all the spokes' devices, wt1 and so on, and h one with all of them as its peers.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/bench/tunnels.sh
. "$here/tunnels.sh"

KINDS=${KINDS:-none wireguard weft}
CASES=${CASES:-tcp1}
TOPOLOGIES=${TOPOLOGIES:-offloads}
QUICK=${QUICK:-0} PROFILE=${PROFILE:-0}
PEERS=${PEERS:-$((QUICK ? 100 : 1000))}
traffic=$programs/traffic
work=$(mktemp -d)

# Kinds that weft is compared with need more bytes if they are cheap, and in-tree's figures vary. Others are
# approximate.
megabytes() { # megabytes KIND
	case $1 in
	none) echo $((QUICK ? 48 : 96)) ;;
	weft) echo $((QUICK ? 6 : 18)) ;;
	wireguard) echo $((QUICK ? 9 : 36)) ;;
	*) echo 9 ;;
	esac
}

amount() { # amount KIND NUMBER: half of it where the precision suffices
	case $1 in
	none|weft|wireguard) echo $((QUICK ? $2 / 2 : $2)) ;;
	*) echo $(($2 / 2)) ;;
	esac
}

# Prints the samples as members of an array.
stacks_json() { # stacks_json FILE
	awk '{ n = $1; $1 = ""; printf "%s[%d,\"%s\"]", (NR > 1 ? "," : ""), n, substr($0, 2) }' "$1"
}

# Sampling has a cost: the figure is from a run without it, and the shares from another run.
measure() { # measure KIND CASE TOPOLOGY UNIT TRAFFIC_ARGUMENTS...
	local what=("${@:1:4}") line

	shift 4
	if ! line=$("$traffic" "$@" 2>"$work/errors"); then
		no_result "${what[@]:0:3}" "traffic: $(tail -n 3 "$work/errors")"
		return
	fi
	if [ "$PROFILE" != 0 ] && SAMPLES=$work/samples "$traffic" "$@" >/dev/null; then
		line="${line%\}},\"stacks\":[$(stacks_json "$work/samples")]}"
	fi
	result "${what[@]}" "$line"
}

# ---- cases between two ends ----

case_tcp1() { # case_tcp1 KIND TOPOLOGY
	measure "$1" tcp1 "$2" byte stream a b "$far" 1 2000000 $(($(megabytes "$1") * 1000000))
}

case_tcp4() {
	measure "$1" tcp4 "$2" byte stream a b "$far" 4 4000000 $(($(megabytes "$1") * 1000000))
}

case_udp() {
	measure "$1" udp "$2" packet datagrams a b "$far" 1300 256 "$(amount "$1" 6144)"
}

case_forward() {
	measure "$1" forward "$2" packet datagrams c d 10.2.0.2 64 256 "$(amount "$1" 9216)"
}

case_pingpong() {
	measure "$1" pingpong "$2" "round trip" pingpong a b "$far" 100 "$(amount "$1" 3000)"
}

# ---- cases of a hub ----

case_handshake() {
	measure "$1" handshake "$2" handshake first s h 10.8.0.1+1 "$hub_peers"
}

# The warm-up of few peers takes as long as that of one.
case_hub() {
	local bytes=$((hub_peers * 16000))

	[ $bytes -ge 6000000 ] || bytes=6000000
	measure "$1" hub "$2" byte stream s h 10.8.0.1+1 "$hub_peers" $bytes $((QUICK ? bytes : bytes * 2))
}

is_hub_case() {
	[ "$1" = hub ] || [ "$1" = handshake ]
}

wanted_of() { # wanted_of pair|hub: the cases
	local name

	for name in $CASES; do
		if is_hub_case "$name"; then
			[ "$1" = pair ] || printf '%s ' "$name"
		else
			[ "$1" = hub ] || printf '%s ' "$name"
		fi
	done
}

run_cases() { # run_cases KIND pair|hub CASE...
	local kind=$1 set=$2 topology name

	shift 2
	for topology in $TOPOLOGIES; do
		"${set}_topology" "$topology"
		settle || return
		for name; do
			"case_$name" "$kind" "$topology"
		done
	done
}

all_absent() { # all_absent KIND WHY CASE...
	local kind=$1 why=$2 topology name

	shift 2
	for topology in $TOPOLOGIES; do
		for name; do
			no_result "$kind" "$name" "$topology" "$why"
		done
	done
}

# A device has one handshake with each spoke: each topology gets a new device.
run_hub() { # run_hub KIND CASE...
	local kind=$1 topology wanted=$TOPOLOGIES

	shift
	if ! hub_possible "$kind"; then
		all_absent "$kind" "there are no hubs of this kind here" "$@"
		return
	fi
	for topology in $wanted; do
		if hub_create "$kind" "$hub_peers" 2>"$work/errors"; then
			TOPOLOGIES=$topology run_cases "$kind" hub "$@"
		else
			TOPOLOGIES=$topology all_absent "$kind" "$(tail -n 3 "$work/errors")" "$@"
		fi
		hub_delete
	done
}

run_pair() { # run_pair KIND CASE...
	local kind=$1

	shift
	if pair_create "$kind" 2>"$work/errors"; then
		run_cases "$kind" pair "$@"
	else
		all_absent "$kind" "$(tail -n 3 "$work/errors")" "$@"
	fi
	pair_delete
}

run_kinds() {
	local kind cases

	for kind in $KINDS; do
		cases=$(wanted_of pair)
		# shellcheck disable=SC2086 # lists
		[ -z "$cases" ] || run_pair "$kind" $cases
		cases=$(wanted_of hub)
		# shellcheck disable=SC2086
		[ -z "$cases" ] || run_hub "$kind" $cases
	done
}

main() {
	local hub_peers=$PEERS

	sysctl -qw net.ipv4.tcp_no_metrics_save=1
	if [ -z "${JOBS-}" ]; then
		run_kinds
	else
		while IFS=';' read -r KINDS CASES TOPOLOGIES PROFILE; do
			run_kinds
		done <<<"$JOBS"
	fi
	rm -rf "$work"
}

main
