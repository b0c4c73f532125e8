#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `weft fleet run` on real links, with a folder as its store: agents that share nothing but that folder become a mesh, take
# a revoked node's sessions down, and rotate their keys without the loss of a packet; a store that lies, forgets or is away
# takes nothing back; and agents that are killed go on where they were.
#
#	 ant wf0 10.77.0.1   bee wf0 10.77.0.2   cat wf0 10.77.0.3   dog wf0 10.77.0.4     an agent each, a state folder each
#	 up0 192.0.2.1       up0 192.0.2.2       up0 192.0.2.3       up0 192.0.2.4
#	    |                   |                   |                   |
#	    +------------------ br0 in namespace net -------------------+
# vm: icount
# timeout: 3000
. "$(dirname "$0")/../kselftest/lib.sh"
# shellcheck source=selftests/kselftest/lib/fleet.sh
. "$lib_dir/lib/fleet.sh"

skip_unless_weft
all=(ant bee cat dog)
underlay_create "${all[@]}"
pace=$(sized 20 200)

# The programs of the store run as a user without rights, the owner of the hellos.
store_open() {
	mkdir -p "$store/hello"
	chown nobody "$store/hello"
	chmod 0755 "$lib_work" "$store"
}

agent_start() { # agent_start NODE [COMMAND [WORDS OF run...]]
	local command=${2-weft-store-dir $store}

	WEFT_FLEET_STATE=$states/$1 ns_run "agent.$1" "$1" "$WEFT" fleet run "$fleet" store "$command" user nobody "${@:3}"
}

agents_start() { # agents_start NODE...
	local name

	for name; do
		agent_start "$name"
	done
}

agent_log() { # agent_log NODE
	cat "$(ns_output "agent.$1")"
}

agent_says() { # agent_says NODE TEXT
	grep -qF -- "$2" "$(ns_output "agent.$1")"
}

# The node makes its keys, and the admin admits it: its hello is the agent's affair.
member_create() { # member_create NODE [WORDS OF admit...]
	mkdir -p "$states"
	admit "$@"
}

members_create() { # members_create NODE...
	local name

	for name; do
		member_create "$name"
	done
}

peers_are() { # peers_are NODE PEERS
	[ "$(node_peers "$1" 2>/dev/null)" = "$2" ]
}

ping_node() { # ping_node FROM TO
	ns "$1" ping -n -q -c 1 -W 1 "10.77.0.${node_number[$2]}" >/dev/null 2>&1
}

every_pair_pings() { # every_pair_pings NODE...
	local from to

	for from; do
		for to; do
			[ "$from" = "$to" ] || wait_for 60 ping_node "$from" "$to"
		done
	done
}

mesh_create() { # mesh_create NODE...: by their agents
	fleet_create "${words[@]}"
	store_open
	members_create "$@"
	agents_start "$@"
	every_pair_pings "$@"
}
words=()

joins() {
	local began name

	mesh_create ant bee cat
	expect_eq "peers of ant" "$(node_peers ant)" "bee cat"
	began=$(now_ms)
	member_create dog
	agent_start dog
	for name in ant bee cat; do
		wait_for 60 ping_node "$name" dog
	done
	began=$(($(now_ms) - began))
	note "figure from admission to a ping from all: $began ms"
	expect_lt "ms from admission to a ping from all" "$began" "$(late 10000)"
	every_pair_pings "${all[@]}"
	expect_eq "owner of a hello" "$(stat -c %U "$store/hello/dog")" nobody
	expect_error "an agent of fleet 'wf0' runs" env "WEFT_FLEET_STATE=$states/ant" ip netns exec "$(ns_name ant)" \
		"$WEFT" fleet run "$fleet" store true user nobody
}

is_gone() { # is_gone NODE FROM...
	local name

	for name in "${@:2}"; do
		[[ " $(node_peers "$name") " != *" $1 "* ]] || return 1
	done
}

revokes() {
	local began

	mesh_create ant bee cat dog
	began=$(now_ms)
	on_store revoke node dog
	wait_for 60 is_gone dog ant bee cat
	began=$(($(now_ms) - began))
	note "figure from revocation to the last kernel: $began ms"
	expect_lt "ms from revocation to the last kernel" "$began" "$(late 5000)"
	expect_fail ping_node dog ant
	# More than a tenth of the peers, by the admin's own word.
	on_store revoke node bee,cat
	wait_for 60 is_gone bee ant
	wait_for 60 is_gone cat ant
}

# A topology with far fewer peers comes in one epoch, and is confirmed by the next one.
much_waits() {
	mesh_create ant bee cat dog
	on_store admit node ant identity "$(sed -n 's/.*"identity":"\([^"]*\)".*/\1/p' "$store/node/ant")" \
		address 10.77.0.1/24 hub on
	"$WEFT" fleet init "$fleet" store "$store" admin-key "$admin_key" topology hub >/dev/null
	wait_for 60 agent_says bee "are to be removed"
	expect_eq "peers of bee" "$(node_peers bee)" "ant cat dog"
	ns_stop agent.bee KILL
	agent_start bee
	holds_for 3 peers_are bee "ant cat dog"
	"$WEFT" fleet init "$fleet" store "$store" admin-key "$admin_key" keepalive 7 >/dev/null
	wait_for 60 peers_are bee ant
	every_pair_pings ant bee cat dog
}

# Whatever the store does, no peer is removed, and none is added that the admin has not admitted.
lies() {
	mesh_create ant bee cat
	cp -a "$store" "$lib_work/backup"
	on_store revoke node cat
	wait_for 60 is_gone cat ant bee
	# Back to the time before the revocation.
	rm -rf "${store:?}"/*
	cp -a "$lib_work/backup"/. "$store/"
	touch "$store"/* "$store"/*/*
	wait_for 60 agent_says ant "was set back, or lies"
	expect_eq "peers of ant" "$(node_peers ant)" bee
	# Nothing left.
	rm -rf "${store:?}"/*
	store_open
	holds_for 5 peers_are ant bee
	ns_stop agent.ant KILL
	agent_start ant
	wait_for 60 test -e "$store/hello/ant"
	holds_for 3 peers_are ant bee
	expect ping_node ant bee
	# Forged, cut, endless and foreign lines.
	cp -a "$lib_work/backup"/. "$store/"
	sed -i 's/10\.77\.0\.2/10.77.0.9/' "$store/node/bee"
	wait_for 60 agent_says ant "which has not signed it"
	head -c 3000000 /dev/zero | tr '\0' x >"$store/node/endless"
	head -c 100000 /dev/urandom >"$store/node/noise"
	holds_for 3 peers_are ant bee
	expect ping_node ant bee
	rm -rf "$lib_work/backup"
}

key_changed() { # key_changed NODE KEY
	[ "$(node_key "$1")" != "$2" ] && [ "$(ns "$1" "$WEFT" show "$fleet" previous-public-key)" = "(none)" ]
}

# All four by the admin's order, then one by itself.
rotates() {
	local name
	local words=(rotate-every 100000000 rotate-window 10 keepalive 5)

	mesh_create "${all[@]}"
	traffic_start "$pace" "${all[@]}"
	for name in "${all[@]}"; do
		set_value "key.$name" "$(node_key "$name")"
	done
	on_store_init rotate-order 1
	for name in "${all[@]}"; do
		wait_for 300 key_changed "$name" "$(value "key.$name")"
	done
	set_value key.ant "$(node_key ant)"
	node ant rotate announce
	wait_for 300 key_changed ant "$(value key.ant)"
	traffic_lost_nothing
	expect_eq "orders of a rotation that ant takes" "$(agent_log ant | grep -c 'rotation: announce')" 1
	expect_eq "changes at ant" "$(agent_log ant | grep -c 'rotation: change')" 2
}

on_store_init() { # on_store_init WORDS...
	"$WEFT" -j fleet init "$fleet" store "$store" admin-key "$admin_key" "$@" >"$answer"
}

# The moments of the kill are any: the rotation of a node takes some seconds.
killed() {
	local round key
	local words=(rotate-window 10 keepalive 5)

	mesh_create ant bee cat
	traffic_start "$pace" ant bee cat
	key=$(node_key ant)
	node ant rotate announce
	for round in 1 2 3 4 5 6 7 8 9 10; do
		ns_stop agent.ant KILL
		agent_start ant
		pause "0.$round"
	done
	wait_for 300 key_changed ant "$key"
	traffic_lost_nothing
	wait_for 60 same_keys ant bee cat
}

# Each peer has met each key.
same_keys() { # same_keys NODE...
	[ "$(keys_of peers "$@")" = "$(keys_of public-key "$@")" ]
}

keys_of() { # keys_of FIELD NODE...
	local name

	for name in "${@:2}"; do
		ns "$name" "$WEFT" show "$fleet" "$1"
	done | sort -u
}

# The store is away: the interface stays, also over a reboot, and the agent takes the store up again.
away() {
	mesh_create ant bee
	mv "$store" "$store.away"
	wait_for 60 agent_says ant "is started again"
	ns_stop agent.ant KILL
	ns_ip ant link del "$fleet"
	agent_start ant
	wait_for 60 ping_node ant bee
	node ant rotate announce
	pause 3
	expect_eq "changes while the store is away" "$(agent_log ant | grep -c 'rotation: change' || true)" 0
	mv "$store.away" "$store"
	wait_for 300 agent_says ant "rotation: change"
	wait_for 60 ping_node bee ant
	# Another command removes its interface.
	ns_ip ant link del "$fleet"
	wait_for 60 ping_node ant bee
	ns_stop agent.ant TERM
	expect ping_node ant bee
}

leaves() {
	mesh_create ant bee
	expect_error "an agent of fleet 'wf0' runs" env "WEFT_FLEET_STATE=$states/ant" ip netns exec "$(ns_name ant)" "$WEFT" fleet leave "$fleet"
	expect test -e "$states/ant/$fleet/self"
	expect ping_node ant bee
	ns_stop agent.ant TERM
	node ant leave
	expect test ! -e "$states/ant/$fleet"
	expect_fail ns_ip ant link show "$fleet"
}

clock_set() { # clock_set SECONDS: forward, or back
	date -s "@$(($(date +%s) + $1))" >/dev/null
}

# A day ahead in the middle of a rotation, years ahead, and back. Initiations of a clock that was set back are replays, so
# that traffic ends before.
clock_jumps() {
	local key
	local words=(rotate-every 100000000 rotate-window 100 keepalive 5)

	mesh_create ant bee
	traffic_start "$pace" ant bee
	key=$(node_key ant)
	node ant rotate announce
	wait_for 60 hello_says ant next_public_key
	clock_set 86400
	wait_for 70 agent_says ant "clock was set by +86"
	expect_eq "key of ant, whose announcement has not spread" "$(node_key ant)" "$key"
	wait_for 300 key_changed ant "$key"
	# By the schedule: the moment of each node comes once in a hundred million seconds.
	key=$(node_key bee)
	clock_set 100200000
	wait_for 400 key_changed bee "$key"
	traffic_lost_nothing
	clock_set -100286400
	wait_for 70 agent_says bee "clock was set by -100286"
	holds_for 3 peers_are ant bee
}

hello_says() { # hello_says NODE TEXT
	grep -qF -- "$2" "$store/hello/$1"
}

pair_key() { # pair_key NODE NODE KEY: both ends' programs print it, from now on
	pair_key_at "$@"
	pair_key_at "$2" "$1" "$3"
}

pair_key_at() { # pair_key_at NODE PEER KEY
	local file=$lib_work/pairs/keys.$1

	touch "$file"
	{ grep -v "^$2 " "$file" || true; echo "$2 $3"; } >"$file.new"
	chmod 0644 "$file.new"
	mv "$file.new" "$file"
}

has_pair_key() { # has_pair_key NODE PEER KEY
	[ "$(ns "$1" "$WEFT" show "$fleet" preshared-keys | awk -v peer="$(node_key "$2")" '$1 == peer { print $2 }')" = "$3" ]
}

# One end has a new key before the other.
preshared() {
	local words=(preshared on keepalive 5) name one two three

	one=$(wg genpsk) two=$(wg genpsk) three=$(wg genpsk)
	mkdir "$lib_work/pairs"
	cat >"$lib_work/pairs/program" <<-END
		#!/bin/sh
		while cat "$lib_work/pairs/keys.\$1"; do sleep 1; done
	END
	chmod 0755 "$lib_work/pairs" "$lib_work/pairs/program"
	fleet_create "${words[@]}"
	store_open
	members_create ant bee
	pair_key ant bee "$one"
	agent_start ant "weft-store-dir $store" psk "$lib_work/pairs/program" psk-user sshd
	agent_start bee "weft-store-dir $store" psk "$lib_work/pairs/program" psk-user sshd
	every_pair_pings ant bee
	for name in ant bee; do
		wait_for 300 has_pair_key "$name" "$([ "$name" = ant ] && echo bee || echo ant)" "$one"
	done
	traffic_start "$pace" ant bee
	pair_key_at ant bee "$two"
	pause 5
	pair_key_at bee ant "$two"
	wait_for 300 has_pair_key ant bee "$two"
	wait_for 300 has_pair_key bee ant "$two"
	# A key that one end alone has changes nothing.
	pair_key_at ant bee "$three"
	pause 130
	traffic_lost_nothing
	expect has_pair_key bee ant "$two"
	expect_error "needs another user" env "WEFT_FLEET_STATE=$states/ant" ip netns exec "$(ns_name ant)" \
		"$WEFT" fleet run "$fleet" store true user nobody psk true psk-user nobody
	expect pgrep -u sshd
	"$WEFT" -j fleet init "$fleet" store "$store" admin-key "$admin_key" preshared off >"$answer"
	wait_for 60 no_process_of sshd
	expect has_pair_key bee ant "$two"
	rm -rf "$lib_work/pairs"
}

no_process_of() { # no_process_of USER
	! pgrep -u "$1" >/dev/null
}

# A second, two, four, and so on, however often the store prints something.
refuses_hello() {
	mkdir "$lib_work/puts"
	chmod 0777 "$lib_work/puts"
	cat >"$lib_work/puts/program" <<-END
		#!/bin/sh
		case \$1 in
		watch) while weft-store-dir $store get; do sleep 0.2; done ;;
		put) echo >>$lib_work/puts/count; exit 1 ;;
		*) exec weft-store-dir $store "\$@" ;;
		esac
	END
	chmod 0755 "$lib_work/puts/program"
	fleet_create
	store_open
	member_create ant
	agent_start ant "$lib_work/puts/program"
	wait_for 60 test -e "$lib_work/puts/count"
	pause 30
	expect_lt "times that a hello was put" "$(wc -l <"$lib_work/puts/count")" 8
	expect_lt "the first time" 1 "$(wc -l <"$lib_work/puts/count")"
	rm -rf "$lib_work/puts"
}

has_candidate() { # has_candidate NODE PEER ENDPOINT: by this beginning
	[[ $(ns "$1" "$WEFT" show "$fleet" candidates | grep -F "$(node_key "$2")") =~ [[:space:]]"$3" ]]
}

lacks_candidate() { # lacks_candidate NODE PEER ENDPOINT
	! has_candidate "$@"
}

generation() { # generation NODE
	sed -n 's/.*"generation":\([0-9]*\).*/\1/p' "$store/hello/$1"
}

address_flaps() { # address_flaps NODE ADDRESS SECONDS: it is gone at the end
	local end

	end=$(($(now_ms) + $3 * 1000))
	while [ "$(now_ms)" -lt "$end" ]; do
		ns_ip "$1" addr add "$2/24" dev up0
		pause 0.3
		ns_ip "$1" addr del "$2/24" dev up0
		pause 0.3
	done
}

# By a policy that another command sets, beside the endpoint that each node was given.
endpoints_follow() {
	local before words=(keepalive 5)

	mesh_create ant bee cat
	node ant hello endpoints-from 192.0.2.0/24,"$fleet"x
	ns_ip ant addr add 192.0.2.101/24 dev up0
	wait_for 60 has_candidate bee ant 192.0.2.101:51820
	wait_for 60 has_candidate cat ant 192.0.2.101:51820
	expect has_candidate bee ant 192.0.2.1:51820
	expect_fail hello_says ant 10.77.0
	before=$(generation ant)
	ns_ip ant addr del 192.0.2.101/24 dev up0
	holds_for 20 hello_says ant 192.0.2.101:51820
	expect_eq "hellos of 20 s without an address" $(($(generation ant) - before)) 0
	wait_for 120 lacks_candidate bee ant 192.0.2.101
	wait_for 120 lacks_candidate cat ant 192.0.2.101
	before=$(generation ant)
	address_flaps ant 192.0.2.102 "$(stretched 60)"
	note "hellos of 60 s with an address that comes and goes: $(($(generation ant) - before))"
	expect_le "hellos of 60 s with an address that comes and goes" $(($(generation ant) - before)) "$(stretched 4)"
	# Looks are rare beside an address that flaps: each new hello has doubled the rest.
	wait_for 300 lacks_candidate bee ant 192.0.2.102
	every_pair_pings ant bee cat
}

# fox 10.1.0.2 is behind a router at 192.0.2.50, which gives its flows ports from 40000 on.
natted_create() {
	ns_create nat fox
	defer ns_delete fox
	defer ns_delete nat
	ip link add up0 netns "$(ns_name nat)" type veth peer name nat netns "$(ns_name net)"
	ns_ip_batch net "link set nat master br0" "link set nat up"
	ns_ip_batch nat "addr add 192.0.2.50/24 dev up0" "link set up0 up"
	veth_link fox up0 nat down0
	addr_add fox up0 10.1.0.2/24
	addr_add nat down0 10.1.0.1/24
	ns_ip fox route add default via 10.1.0.1
	forwarding_on nat
	ns nat nft -f - <<-EOF
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat
				oifname up0 ip protocol udp masquerade to :40000-40999
			}
		}
	EOF
}

natted_admit() {
	node fox hello node fox admins "$admin" endpoints-from private
	on_store admit node fox identity "$(said identity)" address 10.77.0.6/24
}

# Hub ant and node bee; a firewall keeps fox's packets from bee, which learns of fox from the hub alone.
hub_tells() {
	local before words=(keepalive 5)

	node_number[fox]=6
	natted_create
	fleet_create "${words[@]}"
	store_open
	member_create ant hub on
	member_create bee
	ns bee nft -f - <<-EOF
		table ip barred {
			chain in {
				type filter hook input priority filter
				ip saddr 192.0.2.50 drop
			}
		}
	EOF
	defer ns bee nft delete table ip barred
	mkdir -p "$states"
	natted_admit
	agents_start ant bee fox
	wait_for 60 ping_node fox ant
	wait_for 120 hello_says ant '"x-seen":["fox=192.0.2.50:40'
	wait_for 60 has_candidate bee fox 192.0.2.50:40
	expect has_candidate bee fox 10.1.0.2:51820
	expect lacks_candidate ant fox 192.0.2.50
	expect_fail hello_says ant bee=
	expect_fail hello_says bee x-seen
	expect_fail hello_says fox x-seen
	# A mapping that stays makes no hello.
	before=$(generation ant)
	holds_for 20 hello_says ant '"x-seen":["fox=192.0.2.50:40'
	expect_eq "generation of the hub's hello" "$(generation ant)" "$before"
	# Packets that fox itself sends open a mapping to bee, too.
	ns bee nft delete table ip barred
	wait_for 60 ping_node bee fox
}

has_no_rights() {
	cat >"$lib_work/spy" <<-'END'
		#!/bin/sh
		{ id -u; grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|Groups)' /proc/self/status; ls /proc/self/fd; cat "$2"; } >"$1/$3" 2>&1
		sleep 1000
	END
	chmod 0755 "$lib_work/spy"
	mkdir -m 0777 "$lib_work/spied"
	fleet_create
	store_open
	members_create ant
	agent_start ant "$lib_work/spy $lib_work/spied $states/ant/$fleet/self"
	wait_for 60 test -s "$lib_work/spied/watch"
	pause 1
	note "$(<"$lib_work/spied/watch")"
	expect_match "uid" "$(head -n 1 "$lib_work/spied/watch")" '^65534$'
	expect_match "capabilities" "$(<"$lib_work/spied/watch")" 'CapEff:[[:space:]]*0000000000000000'
	expect_match "new privileges" "$(<"$lib_work/spied/watch")" 'NoNewPrivs:[[:space:]]*1'
	expect_match "the node's keys" "$(<"$lib_work/spied/watch")" 'Permission denied'
	ns_stop agent.ant TERM
	expect_fail pgrep -f "$lib_work/spy"
	expect_error "has all rights" env "WEFT_FLEET_STATE=$states/ant" ip netns exec "$(ns_name ant)" \
		"$WEFT" fleet run "$fleet" store true user root
}

run_case "agents become a mesh, and a node joins" joins
run_case "a revoked node is out in seconds" revokes
run_case "removals of more than a tenth wait for the next epoch" much_waits
run_case "a store that is set back, emptied or forged takes nothing back" lies
run_case "a rotation by order, and by hand, not one packet is lost" rotates
run_case "an agent that is killed during its rotation goes on" killed
run_case "a store that is away" away
run_case "a store that takes no hello is asked less and less often" refuses_hello
run_case "the machine's clock is set by a day, and by years" clock_jumps
run_case "preshared keys of a program, one end after the other" preshared
run_case "endpoints follow the addresses of a node" endpoints_follow
run_case "a hub tells the endpoint of a node behind a NAT" hub_tells
run_case "no leaving beside an agent" leaves
run_case "the store's program has no rights" has_no_rights
