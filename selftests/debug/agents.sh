#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A hundred agents with an etcd of three members: by one order of the admin all keys are replaced within ten minutes under
# traffic between every two nodes, counted at both ends, and not one datagram is lost. And many watchers: all of them are
# killed and started at once, and etcd is itself again within a minute.
#
#	 m1, m2, m3: etcd, 192.0.2.1 to 3           n1 ... n100: wf0 10.77.0.4 ..., an agent and a state folder each
#	    |                                          |
#	    +------------------ br0 in namespace net --+
# make agents runs it, on Linux as a program. NODES: 4 or more, by default 100; WATCHERS: by default 100.
# vm: smp
# packages: etcd-server etcd-client
# timeout: 6000
# shellcheck source=selftests/kselftest/lib.sh
. "$(dirname "$0")/../kselftest/lib.sh"
# shellcheck source=selftests/kselftest/lib/many.sh
. "$lib_dir/lib/many.sh"
# shellcheck source=selftests/kselftest/lib/fleet.sh
. "$lib_dir/lib/fleet.sh"
# shellcheck source=selftests/kselftest/lib/etcd.sh
. "$lib_dir/lib/etcd.sh"

skip_unless_weft
[ -z "${EMULATED-}" ] || skip "not on an emulated machine: thousands of sessions"
command -v etcd >/dev/null || skip "no etcd here"
count=${NODES:-$(scaled 100 6)}
watchers=${WATCHERS:-$(scaled 100 6)}
mapfile -t nodes < <(seq -f n%g "$count")
# All agents together compare their watches every three seconds, and the programs of all nodes have two CPUs.
export WEFT_ETCD_INTERVAL=$((3 * count)) ETCDCTL_DIAL_TIMEOUT=30s ETCDCTL_COMMAND_TIMEOUT=50s

# CPU time of a process and its threads, in ms.
cpu_ms() { # cpu_ms RUN...
	local run

	for run; do
		cat "/proc/$(<"$lib_work/runs/$run.pid")/stat"
	done | awk '{ sub(/.*\) /, ""); sum += $12 + $13 } END { print sum * 10 }'
}

keys_of() { # keys_of FIELD: of all nodes
	local name

	for name in "${nodes[@]}"; do
		ns "$name" "$WEFT" show "$fleet" "$1"
	done
}

has_rotated() { # has_rotated NODE: it has no old key
	local key

	key=$(node_key "$1")
	[ -n "$key" ] && [ "$(ns "$1" "$WEFT" show "$fleet" previous-public-key)" = "(none)" ] &&
		! grep -qxF -- "$key" "$lib_work/before"
}

# From the first node that had not when it was asked last: hundreds of commands would take their time from the agents.
all_rotated() {
	local rotated

	rotated=$(<"$lib_work/rotated")
	while [ "$rotated" -lt "$count" ] && has_rotated "${nodes[rotated]}"; do
		rotated=$((rotated + 1))
		echo "$rotated" >"$lib_work/rotated"
	done
	[ "$rotated" = "$count" ] || { pause 1; return 1; }
}

all_rotate() {
	local began etcd

	lap_start
	# A thousand datagrams a second at most.
	traffic_start $((count > 63 ? count * count / 1000 * 1000 : 4000)) "${nodes[@]}"
	lap "each has heard each"
	keys_of public-key | sort >"$lib_work/before"
	etcd=$(cpu_ms etcd.m1 etcd.m2 etcd.m3)
	"$WEFT" -j fleet init "$fleet" store "$store" admin-key "$admin_key" rotate-order 1 >"$answer"
	began=$(now_ms)
	publish fleet
	echo 0 >"$lib_work/rotated"
	attempt wait_for 1200 all_rotated || fail "not rotated: ${nodes[$(<"$lib_work/rotated")]}, and perhaps nodes behind it"
	note "figure from the order to the last key: $(($(now_ms) - began)) ms"
	note "figure CPU of etcd for $count rotations: $(($(cpu_ms etcd.m1 etcd.m2 etcd.m3) - etcd)) ms"
	traffic_lost_nothing
	expect_lt "ms from the order to the last key" $(($(now_ms) - began)) 600000
	keys_of public-key | sort -u >"$lib_work/after"
	expect_eq "keys" "$(wc -l <"$lib_work/after")" "$count"
	expect_eq "keys of before" "$(comm -12 "$lib_work/before" "$lib_work/after")" ""
	expect_eq "previous keys" "$(keys_of previous-public-key | sort -u)" "(none)"
}

watchers_start() {
	local number

	for ((number = 1; number <= watchers; number++)); do
		ETCDCTL_CACERT=$tls/ca.crt ETCDCTL_CERT=$tls/n1.crt ETCDCTL_KEY=$tls/n1.key \
			ns_run "watcher.$number" n1 etcdctl watch "$prefix/" --prefix
	done
}

all_saw() { # all_saw TEXT
	[ "$(grep -lF -- "$1" "$lib_work"/runs/watcher.*.output | wc -l)" = "$watchers" ]
}

storm() {
	local began name

	note "figure memory before the watchers: $(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo) KiB"
	watchers_start
	began=$(now_ms)
	wait_for 300 sees_all first
	note "figure $watchers watchers after they were started at once: $(($(now_ms) - began)) ms"
	note "figure memory beside them: $(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo) KiB"
	# All members at once, and so all watchers connect anew.
	for name in "${members[@]}"; do
		ns_stop "etcd.$name" KILL
	done
	began=$(now_ms)
	for name in "${members[@]}"; do
		member_start "$name" --initial-cluster-state existing
	done
	wait_for 300 sees_all second
	note "figure $watchers watchers and $count agents after a restart of all members: $(($(now_ms) - began)) ms"
	expect_lt "ms from a restart of etcd to the last watcher" $(($(now_ms) - began)) 60000
}

# A new value, until each watcher has one: it may have begun to watch behind the first.
sees_all() { # sees_all WORD
	as root etcdctl put "$prefix/x-test" "$1.$RANDOM" >/dev/null && pause 1 && all_saw "$1."
}

neighbours_allow
lap_start
underlay_create "${members[@]}" "${nodes[@]}"
fleet_create rotate-window 300 keepalive 25
mkdir -p "$states"
etcd_create
publish fleet
lap "etcd and $count namespaces"
for name in "${nodes[@]}"; do
	user_create "$name"
	member_create "$name"
done
lap "$count users of etcd, and members"
for name in "${nodes[@]}"; do
	agent_start "$name"
done
wait_for 600 all_have $((count - 1))
lap "$count agents are a mesh"
run_case "$count agents replace their keys by one order, not one datagram is lost" all_rotate
run_case "$watchers watchers of etcd, and its restart" storm
