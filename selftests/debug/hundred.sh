#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A fleet of a hundred nodes, a full mesh that each node makes of one bundle: each hears each, and after a rotation of all
# keys under traffic not one datagram is lost, counted at both ends. And the time of an apply with a thousand peers.
#
#	 n1 wf0 10.77.0.1   n2 wf0 10.77.0.2   ...  n100 wf0 10.77.0.100     each with a state folder of its own
#	 up0 192.0.2.1      up0 192.0.2.2           up0 192.0.2.100
#	    |                  |                       |
#	    +----------------- br0 in namespace net ---+
# make hundred runs it, on Linux as a program: 4,950 sessions, and some 700 commands. NODES: of the mesh, 10 or more, by default 100.
# timeout: 6000
# shellcheck source=selftests/kselftest/lib.sh
. "$(dirname "$0")/../kselftest/lib.sh"
# shellcheck source=selftests/kselftest/lib/many.sh
. "$lib_dir/lib/many.sh"
# shellcheck source=selftests/kselftest/lib/fleet.sh
. "$lib_dir/lib/fleet.sh"

skip_unless_weft
[ -z "${EMULATED-}" ] || skip "not on an emulated machine: 4,950 sessions"
count=${NODES:-$(scaled 100 10)}
peers=$(scaled 1000 100)
mapfile -t all < <(seq -f n%g "$count")
answers=$lib_work/answers

# The nodes make their keys, the admin admits all in one call, and one bundle has all.
members_create() { # members_create NODE...
	local name

	mkdir -p "$states" "$answers"
	for name; do
		WEFT_FLEET_STATE=$states/$name "$WEFT" -j fleet hello "$fleet" node "$name" admins "$admin" serial 1 \
			endpoint "192.0.2.$(((${name#n} - 1) % 254 + 1)):51820" >"$answers/$name"
	done
	lap "$# nodes make their keys"
	python3 "$lib_dir/fleet.py" admission "$answers" 10.77 "$lib_work/hellos" >"$lib_work/nodes.json"
	on_store admit from "$lib_work/nodes.json"
	"$WEFT" -j fleet put store "$store" from "$lib_work/hellos" >"$answer"
	expect_eq "hellos that are accepted" "$(said accepted)" $#
	bundle_make
	lap "the store takes them"
	note "figure bundle of $# nodes: $(stat -c %s "$bundle") bytes"
}

apply_all() {
	local name

	for name in "${all[@]}"; do
		applies "$name"
	done
}

free_memory() {
	awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo
}

all_hear_all() {
	local before

	before=$(free_memory)
	lap_start
	apply_all
	lap "$count nodes apply the bundle"
	traffic_start 4000 "${all[@]}"
	lap "each has heard each"
	note "figure memory of a node: $(((before - $(free_memory)) / count)) KiB"
	note "figure state folder of a node: $(du -sb "$states/n1/$fleet" | cut -f 1) bytes"
	traffic_lost_nothing
	lap "the traffic ends"
	expect_eq "peers of n1" "$(node_peers n1 | wc -w)" $((count - 1))
}

second_changes_nothing() {
	local name

	lap_start
	for name in "${all[@]}"; do
		applies "$name"
		expect_eq "changed at $name" "$(said changed)" false
	done
	lap "$count nodes apply the bundle again"
}

phase_all() { # phase_all PHASE: at all nodes, and the bundle of their hellos at all
	local name

	for name in "${all[@]}"; do
		WEFT_FLEET_STATE=$states/$name ns "$name" "$WEFT" fleet rotate "$fleet" "$1" id r1
	done >"$lib_work/hellos"
	"$WEFT" -j fleet put store "$store" from "$lib_work/hellos" >"$answer"
	expect_eq "hellos of '$1' that the store has" $(($(said accepted) + $(said same))) "$count"
	bundle_make
	apply_all
	lap "rotation: $1"
}

keys_of() { # keys_of FIELD: of all nodes, each line once
	local name

	for name in "${all[@]}"; do
		ns "$name" "$WEFT" show "$fleet" "$1"
	done | sort -u
}

all_have_met() {
	[ "$(keys_of peers)" = "$(keys_of public-key)" ]
}

all_rotate() {
	local before

	traffic_start 4000 "${all[@]}"
	before=$(keys_of public-key)
	lap_start
	phase_all announce
	phase_all change
	wait_for 120 all_have_met
	lap "each has met each key"
	phase_all finish
	traffic_lost_nothing
	expect_eq "old keys" "$(comm -12 <(keys_of public-key) <(echo "$before"))" ""
	expect_eq "keys" "$(keys_of public-key | wc -l)" "$count"
	expect_eq "previous keys" "$(keys_of previous-public-key)" "(none)"
}

# CPU time of a command, in ms.
computed() { # computed NAME COMMAND...
	local user system TIMEFORMAT='%U %S' name=$1

	shift
	{ time "$@" >"$lib_work/computed" 2>&1; } 2>"$lib_work/took" || fail "status $? of: $*: $(<"$lib_work/computed")"
	read -r user system <"$lib_work/took"
	set_value "$name" $((10#${user/.} + 10#${system/.}))
	note "figure $name: $(value "$name") ms of CPU time"
}

thousand_peers() {
	local fleet=wf1 store=$lib_work/store1 admin_key=$lib_work/admin1 states=$lib_work/states1 answers=$lib_work/answers1 \
		admin bundle=$lib_work/bundle1

	"$WEFT" -j fleet init "$fleet" store "$store" admin-key "$admin_key" keepalive 0 port 51821 >"$answer"
	admin=$(said admin)
	lap_start
	# shellcheck disable=SC2046 # names without blanks
	members_create $(seq -f n%g $((peers + 1)))
	defer ns_ip n1 link del "$fleet"
	computed "first apply of $peers peers" node n1 apply "$bundle"
	expect_eq "peers" "$(node_peers n1 | wc -w)" "$peers"
	computed "second apply of $peers peers" node n1 apply "$bundle"
	expect_eq "changed" "$(said changed)" false
	computed "apply of $peers peers without a bundle" node n1 apply
	expect_eq "changed" "$(said changed)" false
	skip_if_slow "signatures cost more"
	expect_lt "ms of the first apply" "$(value "first apply of $peers peers")" 3000
	expect_lt "ms of the second apply" "$(value "second apply of $peers peers")" 1000
}

neighbours_allow
lap_start
underlay_create "${all[@]}"
lap "$count namespaces"
fleet_create
members_create "${all[@]}"
run_case "$count nodes of one bundle, each hears each" all_hear_all
run_case "a second apply changes nothing" second_changes_nothing
run_case "all keys are rotated, not one datagram is lost" all_rotate
run_case "an apply with $peers peers takes little time" thousand_peers
