#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The configuration changes all the time, from several processes, during traffic: no process fails because of another,
# no object leaks, and the traffic continues.
# vm: smp
# timeout: 3600
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1; ws0                 wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/../kselftest/lib.sh"

slow=${SLOW:-1}

traffic_start() {
	ns_run traffic.a a ping -n -i 0.02 -s 1000 -W 1 10.9.0.2
	ns_run traffic.b b ping -n -i 0.02 -s 1000 -W 1 fd09::1
}

traffic_stop() {
	pings_stop traffic.a
	pings_stop traffic.b
}

four_at_once() {
	traffic_start
	both_receive 20000
	expect ns a python3 "$test_dir/churn.py" together $((20 * (slow > 4 ? 4 : slow)))
	both_receive 20000
	traffic_stop
	expect_eq "peers" "$(peer_count a wt0)" 1
}

received() {
	ns a ethtool -S wt0 | awk '/ rx_drop_/ { n += $2 } END { print n + 0 }'
}

# The flood takes one CPU, and the changes of the port the other one.
ports_under_flood() {
	local before

	before=$(received)
	ns_run flood b python3 "$test_dir/churn.py" flood 192.0.2.1
	wait_for 20 grep -q flooding "$(ns_output flood)"
	expect ns a python3 "$test_dir/churn.py" ports $((10 * (slow > 4 ? 4 : slow)))
	both_receive 20000
	ns_stop flood
	expect_ge "messages of the flood that were dropped" $(($(received) - before)) 1000
}

# Packets to a closed port are lost.
port_changes_under_flood() {
	ns_run traffic.a a ping -n -i 0.02 -s 1000 -W 1 10.9.0.2
	ports_under_flood
	ns_stop traffic.a
	wait_for 20 ns b ping -n -c 1 -W 1 10.9.0.1
}

many_come_and_go() {
	traffic_start
	both_receive 20000
	expect ns a python3 "$test_dir/churn.py" many $((10000 / slow))
	both_receive 20000
	traffic_stop
}

caches=(weft_peer weft_session weft_allowedips_node)

# Merged caches contain other objects, too.
objects() { # objects CACHE
	local count

	echo 1 >"/sys/kernel/slab/$1/shrink"
	read -r count _ <"/sys/kernel/slab/$1/objects"
	echo "$count"
}

note_objects() {
	local cache

	for cache in "${caches[@]}"; do
		set_value "$cache" "$(objects "$cache")"
	done
}

as_few_objects() { # as_few_objects CACHE
	[ "$(objects "$1")" -le $(($(value "$1") + 200)) ]
}

nothing_is_kept() {
	local cache

	for cache in "${caches[@]}"; do
		wait_for 20 as_few_objects "$cache"
	done
}

skip_unless_weft
# shellcheck disable=SC2119 # without arguments
pair_create
peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
session_up a wt0 b wt0 10.9.0.2
note_objects
run_case "two processes configure, one dumps, one removes" four_at_once
run_case "the port changes under a flood" port_changes_under_flood
run_case "$((10000 / slow)) peers are added and removed, twice" many_come_and_go
run_case "no object leaks" nothing_is_kept
