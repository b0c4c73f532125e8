#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `weft fleet run` with etcd as its store: three members with certificates and access control, and an agent in each of many
# namespaces. A node joins, a member and the leader die, all of etcd is away in the middle of a rotation while a node reboots,
# all records are deleted, an old backup is restored, and a node that is compromised is revoked.
#
#	 m1, m2, m3: etcd, 192.0.2.1 to 3           n1 ... n20: wf0 10.77.0.4 ..., an agent and a state folder each
#	    |                                          |
#	    +------------------ br0 in namespace net --+
# vm: smp
# packages: etcd-server etcd-client
# timeout: 1800
. "$(dirname "$0")/../kselftest/lib.sh"
# shellcheck source=selftests/kselftest/lib/fleet.sh
. "$lib_dir/lib/fleet.sh"
# shellcheck source=selftests/kselftest/lib/etcd.sh
. "$lib_dir/lib/etcd.sh"

skip_unless_weft
command -v etcd >/dev/null || skip "no etcd here"
count=$(scaled "${NODES:-20}" 4)
mapfile -t nodes < <(seq -f n%g "$count")
underlay_create "${members[@]}" "${nodes[@]}"

joins() {
	local began last=${nodes[-1]}

	user_create "$last"
	began=$(now_ms)
	member_create "$last"
	agent_start "$last"
	wait_for 60 all_ping "$last"
	began=$(($(now_ms) - began))
	note "figure from admission to a ping from each of $((count - 1)) nodes: $began ms"
	expect_lt "ms from admission to a ping from each node" "$began" "$(late 10000)"
	wait_for 30 all_have $((count - 1))
}

may_not_write() {
	expect_fail as n1 weft-store-etcd "$prefix" put hello/n2 <"$store/node/n2"
	expect_fail as n1 weft-store-etcd "$prefix" put node/n1 <"$store/node/n1"
	expect_fail as n1 weft-store-etcd "$prefix" put fleet <"$store/fleet"
	expect as n1 weft-store-etcd "$prefix" get >"$lib_work/all"
	expect_eq "records" "$(grep -c '^weft-fleet/1' "$lib_work/all")" $((2 * count + 1))
}

key_changed() { # key_changed NODE KEY
	[ "$(node_key "$1")" != "$2" ] && [ "$(ns "$1" "$WEFT" show "$fleet" previous-public-key)" = "(none)" ]
}

rotates() { # rotates NODE
	local key

	key=$(node_key "$1")
	WEFT_FLEET_STATE=$states/$1 ns "$1" "$WEFT" fleet rotate "$fleet" announce >/dev/null
	wait_for 300 key_changed "$1" "$key"
	wait_for 30 all_ping "$1"
}

member_dies() {
	local name

	name=$(leader)
	expect_match "leader" "$name" '^m[123]$'
	ns_stop "etcd.$name" KILL
	rotates n2
	member_start "$name" --initial-cluster-state existing
	etcd_await
	for name in m1 m2 m3; do
		[ "$name" = "$(leader)" ] || break
	done
	ns_stop "etcd.$name" KILL
	rotates n3
	member_start "$name" --initial-cluster-state existing
	etcd_await
}

# In the middle of a rotation, while a node reboots.
etcd_is_away() {
	local name key

	traffic_start 200 n1 n2 n3
	key=$(node_key n2)
	WEFT_FLEET_STATE=$states/n2 ns n2 "$WEFT" fleet rotate "$fleet" announce >/dev/null
	for name in "${members[@]}"; do
		ns_stop "etcd.$name" KILL
	done
	ns_stop agent.n4 KILL
	ns_ip n4 link del "$fleet"
	agent_start n4
	wait_for 60 all_ping n4
	pause 20
	expect_eq "key of n2 while etcd is away" "$(node_key n2)" "$key"
	for name in "${members[@]}"; do
		member_start "$name" --initial-cluster-state existing
	done
	etcd_await
	wait_for 300 key_changed n2 "$key"
	wait_for 30 all_ping n2
	traffic_lost_nothing
}

hello_is_back() { # hello_is_back NODE
	[ -n "$(as root etcdctl get "$prefix/hello/$1" --print-value-only)" ]
}

all_deleted() {
	insist as root etcdctl del --prefix "$prefix/"
	holds_for 5 all_have $((count - 1))
	ns_stop agent.n1 KILL
	agent_start n1
	wait_for 30 hello_is_back n1
	expect all_have $((count - 1))
	expect all_ping n1
	publish fleet
	for name in "${nodes[@]}"; do
		publish "node/$name"
	done
}

not_a_peer() { # not_a_peer NODE: of any other node
	local name

	for name in "${nodes[@]}"; do
		[ "$name" = "$1" ] || [[ " $(node_peers "$name") " != *" $1 "* ]] || return 1
	done
}

# As one member of etcd calls another.
calls_member() { # calls_member CERTIFICATE
	ns n3 openssl s_client -tls1_2 -connect 192.0.2.1:2380 -CAfile "$tls/members/ca.crt" -cert "$tls/$1.crt" -key "$tls/$1.key" \
		-verify_return_error -brief
}

# A hello of n1 that n3 has signed, at n3's place.
claim_other() {
	mkdir -p "$states/thief/$fleet"
	sed 's/"node":"n3"/"node":"n1"/; s/,"hello":".*}$/}/' "$states/n3/$fleet/self" >"$states/thief/$fleet/self"
	WEFT_FLEET_STATE=$states/thief ns n3 "$WEFT" fleet hello "$fleet" serial 1 | as n3 weft-store-etcd "$prefix" put hello/n3
	rm -rf "$states/thief"
}

# n3 is compromised: its certificate and keys are good for its own hello, until the revocation.
compromised() {
	local began key

	key=$(node_key n1)
	claim_other
	wait_for 30 agent_says n2 "hello/n1 of the store is refused: not signed by the identity of the node"
	expect_eq "peer of n2 that is n1" "$(ns n2 "$WEFT" show "$fleet" names | awk '$2 == "n1" { print $1 }')" "$key"
	expect calls_member members/m1.peer
	expect_fail calls_member n3
	ETCDCTL_ENDPOINTS=https://192.0.2.1:2379 as root etcdctl snapshot save "$lib_work/backup" >/dev/null 2>&1
	WEFT_FLEET_STATE=$states/n3 ns n3 "$WEFT" fleet hello "$fleet" endpoint 192.0.2.4:51820 >/dev/null
	expect_fail as n3 weft-store-etcd "$prefix" put hello/n1 <"$store/node/n1"
	began=$(now_ms)
	on_store revoke node n3
	publish fleet
	wait_for 60 not_a_peer n3
	began=$(($(now_ms) - began))
	note "figure from revocation to the last of $((count - 1)) kernels: $began ms"
	expect_lt "ms from revocation to the last kernel" "$began" "$(late 5000)"
	ns_stop agent.n3 KILL
}

# The backup is from before the revocation.
restored() {
	local name

	for name in "${members[@]}"; do
		ns_stop "etcd.$name" KILL
		rm -rf "$lib_work/etcd/$name"
		etcdctl snapshot restore "$lib_work/backup" --data-dir "$lib_work/etcd/$name" --name "$name" \
			--initial-cluster m1=https://192.0.2.1:2380,m2=https://192.0.2.2:2380,m3=https://192.0.2.3:2380 \
			--initial-advertise-peer-urls "https://192.0.2.${node_number[$name]}:2380" >/dev/null 2>&1
	done
	for name in "${members[@]}"; do
		member_start "$name"
	done
	etcd_await
	wait_for 240 agent_says n1 "was set back, or lies"
	expect not_a_peer n3
	holds_for 5 not_a_peer n3
	expect ping_node n1 n2
	# The fleet goes on with the restored etcd.
	publish fleet
	rotates_without n3
}

rotates_without() { # rotates_without NODE: n2 rotates, and is reached by the others but NODE
	local kept=() name

	for name in "${nodes[@]}"; do
		[ "$name" = "$1" ] || kept+=("$name")
	done
	nodes=("${kept[@]}")
	rotates n2
}

fleet_create rotate-window 30 keepalive 5
mkdir -p "$states"
etcd_create
publish fleet
for name in "${nodes[@]:0:count-1}"; do
	user_create "$name"
	member_create "$name"
	agent_start "$name"
done
wait_for 120 has_peers n1 $((count - 2))
run_case "a node joins $((count - 1)) others" joins
run_case "a node may write its own hello, and nothing else" may_not_write
run_case "the leader dies, then another member" member_dies
run_case "all of etcd is away in the middle of a rotation" etcd_is_away
run_case "all records are deleted" all_deleted
run_case "a compromised node is revoked" compromised
run_case "an old backup is restored" restored
