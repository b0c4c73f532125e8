# shellcheck shell=bash disable=SC2154 # lib.sh and fleet.sh assign the variables
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by tests of agents with etcd, after lib.sh and fleet.sh. m1 to m3 are the first three of underlay_create; a test has
# "# packages: etcd-server etcd-client" at its head. Users of etcd have certificates of weft-etcd-setup.
#
#   etcd_create                           the members, with access control
#   member_start MEMBER [OPTIONS...]      a member of etcd, etcd.MEMBER of ns_run; it goes on after a case
#   etcd_await                            waits until etcd answers
#   leader                                the name of the member that leads
#   as USER COMMAND...                    in namespace n1, with that user's certificate
#   user_create NODE                      the node's user of etcd; the agent's programs can read its key
#   member_create NODE                    the node makes its keys, and the admin admits it, in the store and in etcd
#   publish KEY                           a record of the admin, in etcd: fleet, node/NODE
#   insist COMMAND...                     until it succeeds: requests fail during an election
#   agent_start NODE                      agent.NODE of ns_run; it goes on after a case
#   agent_says NODE TEXT                  its log has the text
#   ping_node FROM TO; all_ping TO        a ping; from each of $nodes to one
#   has_peers NODE NUMBER; all_have NUMBER    each of $nodes has so many peers

members=(m1 m2 m3)
tls=$lib_work/tls
prefix=/weft/$fleet
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=https://192.0.2.1:2379,https://192.0.2.2:2379,https://192.0.2.3:2379 WEFT_ETCD_INTERVAL=60

# ---- etcd ----

# A member that gets no CPU for a second is no member that has died: the default is an election then. Elsewhere members have
# machines of their own: they come before all nodes' programs here.
member_start() { # member_start MEMBER [OPTIONS...]
	# shellcheck disable=SC2046 # words
	ns_run "etcd.$1" "$1" nice -n -20 etcd --heartbeat-interval 500 --election-timeout 5000 --data-dir "$lib_work/etcd/$1" \
		$(weft-etcd-setup "$tls" options "$1" m1=192.0.2.1 m2=192.0.2.2 m3=192.0.2.3) "${@:2}"
	ns_keep "etcd.$1"
}

as() { # as USER COMMAND...: from a namespace of a node
	ETCDCTL_CACERT=$tls/ca.crt ETCDCTL_CERT=$tls/$1.crt ETCDCTL_KEY=$tls/$1.key ns n1 "${@:2}"
}

# Requests that come during an election fail, and are made again.
insist() { # insist COMMAND...
	wait_for 60 "$@"
}

is_healthy() {
	as root etcdctl get nothing >"$lib_work/health" 2>&1
}

# On a busy machine three members take minutes to start.
etcd_await() {
	local name

	! attempt wait_for 300 is_healthy || return 0
	note "$(tail -n 3 "$lib_work/health")"
	for name in "${members[@]}"; do
		note "$name: $(tail -n 5 "$(ns_output "etcd.$name")")"
	done
	fail "etcd does not answer"
}

etcd_create() {
	local name

	mkdir "$lib_work/etcd"
	weft-etcd-setup "$tls" ca
	chmod 0755 "$lib_work" "$tls"
	chmod 0644 "$tls/ca.crt"
	weft-etcd-setup "$tls" client root
	for name in "${members[@]}"; do
		weft-etcd-setup "$tls" member "$name" "192.0.2.${node_number[$name]}"
		member_start "$name"
	done
	etcd_await
	insist ns n1 weft-etcd-setup "$tls" enable "$prefix"
}

leader() { # the name of the member that leads
	as root etcdctl endpoint status -w fields | awk '
		/^"MemberID"/ { id = $3 } /^"Leader"/ { leader = $3 }
		/^"Endpoint"/ && id == leader { split($3, part, /[.:]/); print "m" part[5]; exit }'
}

# ---- agents ----

user_create() { # user_create NODE: of etcd
	insist ns n1 weft-etcd-setup "$tls" node "$prefix" "$1"
	chown nobody "$tls/$1.key" "$tls/$1.crt"
}

member_create() { # member_create NODE
	admit "$1"
	publish "node/$1"
}

record_put() { # record_put KEY
	as admin weft-store-etcd "$prefix" put "$1" <"$store/$1"
}

publish() { # publish KEY
	insist record_put "$1"
}

agent_start() { # agent_start NODE
	ETCDCTL_CACERT=$tls/ca.crt ETCDCTL_CERT=$tls/$1.crt ETCDCTL_KEY=$tls/$1.key WEFT_FLEET_STATE=$states/$1 \
		ns_run "agent.$1" "$1" "$WEFT" fleet run "$fleet" store "weft-store-etcd $prefix" user nobody
	ns_keep "agent.$1"
}

agent_says() { # agent_says NODE TEXT
	grep -qF -- "$2" "$(ns_output "agent.$1")"
}

ping_node() { # ping_node FROM TO
	ns "$1" ping -n -q -c 1 -W 1 "10.77.0.${node_number[$2]}" >/dev/null 2>&1
}

all_ping() { # all_ping TO
	local from

	for from in "${nodes[@]}"; do
		[ "$from" = "$1" ] || ping_node "$from" "$1" || return 1
	done
}

has_peers() { # has_peers NODE NUMBER
	local peers

	read -ra peers < <(node_peers "$1" 2>/dev/null)
	[ ${#peers[@]} = "$2" ]
}

all_have() { # all_have NUMBER: of peers
	local name

	for name in "${nodes[@]}"; do
		has_peers "$name" "$1" || return 1
	done
}
