#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A control group out of memory, with users of weft in it: a link is created completely or not at all, streams through
# the tunnel complete, and programs outside the group do not fail.
# vm: smp
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/../kselftest/lib.sh"

group=/sys/fs/cgroup/weft
rounds=4

group_events() { # group_events NAME
	awk -v name="$1" '$1 == name { print $2 }' $group/memory.events
}

link_whole_or_not() {
	local failures

	failures=$(ns a python3 "$test_dir/memcg.py" link $group)
	note "$failures tries failed"
	expect_ge "failed tries" "$failures" 1
	echo max >$group/memory.max
}

# All processes of the streams belong to the group, and so do the buffers of their sockets. The kernel kills the next
# process before the memory of the last one is freed.
join_group() {
	local pid name

	for name in source.there source.back sink.there sink.back; do
		for pid in $(pids_of "$(cat "$lib_work/runs/$name.pid")"); do
			echo "$pid" >$group/cgroup.procs
			echo -1000 >"/proc/$pid/oom_score_adj"
		done
	done
}

# A process may end meanwhile.
children_of() { # children_of PID
	awk -v parent="$1" '$1 == "PPid:" && $2 == parent { split(FILENAME, path, "/"); print path[3] }' \
		/proc/[0-9]*/status 2>/dev/null || true
}

pids_of() { # pids_of PID: with its children
	local child

	echo "$1"
	for child in $(children_of "$1"); do
		pids_of "$child"
	done
}

# The kernel kills the hog first.
hog() {
	sh -c 'echo 1000 >/proc/self/oom_score_adj; echo 0 >'$group'/cgroup.procs; exec python3 "$0" hog' "$test_dir/memcg.py" || true
}

# In kB. KASAN's quarantine is charged to the group.
limit() {
	local kept=0

	[ "$SLOW" = 1 ] || kept=$(awk '/^MemTotal:/ { print int($2 / 32) }' /proc/meminfo)
	echo $((48 * 1024 + kept))
}

streams_go_on() {
	local i before

	streams_start
	ns_run outside a ping -n -i 0.05 -s 1000 -W 1 10.9.0.2
	join_group
	before=$(group_events oom_kill)
	echo "$(limit)K" >$group/memory.max
	for ((i = 0; i < rounds; i++)); do
		hog
		both_receive 100000
	done
	expect_ge "killed hogs" $(($(group_events oom_kill) - before)) $rounds
	expect_ge "times that the group was out of memory" "$(group_events max)" $rounds
	echo max >$group/memory.max
	streams_stop
	pings_stop outside
}

# No process is left in it.
group_ends() {
	rmdir $group
}

remove_group() {
	[ ! -d $group ] || rmdir $group
}

skip_unless_weft
grep -q memory /sys/fs/cgroup/cgroup.controllers || skip "this kernel has no groups for memory"
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir $group
defer remove_group
# shellcheck disable=SC2119 # without arguments
pair_create
peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
session_up a wt0 b wt0 10.9.0.2
run_case "a link is created completely or not at all" link_whole_or_not
run_case "streams of a group out of memory continue, and others, too" streams_go_on
run_case "no process is left in the group" group_ends
