#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `weft fleet` on real links: nodes that share nothing but a bundle of records become a mesh, a hub with its spokes,
# or groups; keys are replaced without the loss of a packet; and nodes that were away, killed, rebooted or revoked end where
# the records say.
#
#	 ant wf0 10.77.0.1   bee wf0 10.77.0.2   cat, dog ...   elk wf0 10.77.0.5     each with a state folder of its own
#	 up0 192.0.2.1       up0 192.0.2.2                      up0 192.0.2.5
#	    |                   |                                  |
#	    +------------------ br0 in namespace net --------------+
# vm: icount
# series: 6.12
# timeout: 1500
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/kselftest/lib/fleet.sh
. "$lib_dir/lib/fleet.sh"

skip_unless_weft
all=(ant bee cat dog elk)
underlay_create "${all[@]}"
pace=$(sized 20 200)
new_key stranger
new_key other

ping_node() { # ping_node FROM TO [OPTIONS...]
	ns "$1" ping -n -q -c 1 -W 5 "${@:3}" "10.77.0.${node_number[$2]}"
}

every_pair_pings() { # every_pair_pings NODE...
	local from to

	for from; do
		for to; do
			[ "$from" = "$to" ] || expect ping_node "$from" "$to"
		done
	done
}

mesh_create() { # mesh_create NODE...
	fleet_create
	nodes_create "$@"
	spread "$@"
}

# All that a node's configuration is, on disk and in the kernel, without what traffic changes.
node_state() { # node_state NODE
	ns "$1" "$WEFT" show "$fleet" dump 2>/dev/null | cut -f 1-4,8 | sort || true
	ns "$1" "$WEFT" show "$fleet" names 2>/dev/null || true
	ns_ip "$1" -o addr show dev "$fleet" 2>/dev/null || true
	ns_ip "$1" route show table all dev "$fleet" 2>/dev/null || true
	find "$states/$1/$fleet" -type f ! -name last -printf '%f %i %m %s %T@\n' 2>/dev/null | sort || true
}

expect_state() { # expect_state NODE FILE WHEN
	node_state "$1" >"$lib_work/state-now"
	diff "$2" "$lib_work/state-now" || fail "$3: $1 is in another state"
}

handshakes() { # handshakes NODE
	ns "$1" "$WEFT" show "$fleet" latest-handshakes | sort
}

expect_unchanged() { # expect_unchanged NODE [WORDS OF apply...]
	local status=0

	node "$1" apply "${@:2}" || status=$?
	expect_eq "status, changed, changes of a second apply at $1" "$status $(said changed) $(said_list changes)" "0 false "
}

# ---- apply ----

mesh() {
	local name

	mesh_create "${all[@]}"
	every_pair_pings "${all[@]}"
	for name in "${all[@]}"; do
		node "$name" status
		expect_eq "nodes that $name sees up" "$(grep -c '"state": "up"' "$answer")" 4
	done
	expect_eq "peers of ant" "$(node_peers ant)" "bee cat dog elk"
	expect_eq "modes of the state folder, self, file" \
		"$(cd "$states/ant/$fleet" && stat -c %a . self $fleet.conf | paste -sd ' ')" "700 600 600"
}

second_changes_nothing() {
	local name before

	mesh_create ant bee cat
	every_pair_pings ant bee cat
	for name in ant bee cat; do
		before=$(handshakes "$name")
		node_state "$name" >"$lib_work/state-$name"
		ns_run "events.$name" "$name" "$WEFT" monitor -j
		ns_run "routes.$name" "$name" ip monitor link address route
		pause 0.5
		expect_unchanged "$name" "$bundle"
		expect_unchanged "$name"
		expect_state "$name" "$lib_work/state-$name" "a second apply"
		expect_eq "handshakes" "$(handshakes "$name")" "$before"
		pause 0.5
		ns_stop "events.$name"
		ns_stop "routes.$name"
		expect_eq "events" "$(grep -v handshake "$(ns_output "events.$name")" || true)" ""
		expect_eq "events of routes" "$(grep "$fleet" "$(ns_output "routes.$name")" || true)" ""
	done
	every_pair_pings ant bee cat
	expect_eq "handshakes of cat" "$(handshakes cat)" "$before"
}

# The words of the dry run are those of the run.
dry_run_predicts() {
	local predicted changed

	fleet_create
	nodes_create ant bee
	gather ant bee
	bundle_make
	node_state ant >"$lib_work/state-ant"
	node ant apply "$bundle" --dry-run
	predicted=$(said_list changes) changed=$(said changed)
	expect_state ant "$lib_work/state-ant" "a dry run without a link"
	expect_fail ns_ip ant link show "$fleet"
	applies ant
	expect_eq "changes" "$changed $(said_list changes)" "true $predicted"
	applies bee
	nodes_create cat
	on_store admit node bee identity "$(sed -n 's/.*"identity":"\([^"]*\)".*/\1/p' "$store/node/bee")" \
		address 10.77.0.2/24 prefix 10.20.0.0/24
	gather ant bee cat
	bundle_make
	node_state ant >"$lib_work/state-ant"
	node ant apply "$bundle" --dry-run
	predicted=$(said_list changes)
	expect_ne "changes" "$predicted" ""
	expect_state ant "$lib_work/state-ant" "a dry run"
	applies ant
	expect_eq "changes" "$(said_list changes)" "$predicted"
	node ant apply "$bundle" --dry-run
	expect_eq "changed" "$(said changed)" false
	note "predicted: $predicted"
}

# A packet that a hub forwards has a lower TTL.
hub_and_spokes() {
	fleet_create topology hub
	node_create ant hub on
	nodes_create bee cat
	spread ant bee cat
	expect_eq "peers of ant, bee, cat" "$(node_peers ant), $(node_peers bee), $(node_peers cat)" "bee cat, ant, ant"
	every_pair_pings ant bee cat
	capture_start direct bee up0 'udp and host 192.0.2.3'
	expect ping_node bee cat -t 2
	expect_fail ping_node bee cat -t 1
	expect ping_node bee ant -t 1
	capture_stop direct
	expect_eq "packets between spokes" "$(capture_count direct)" 0
	node bee status
	expect_eq "path to cat" "$(said via | grep -v null)" ant
	expect_unchanged bee "$bundle"
}

groups() {
	fleet_create topology groups
	node_create ant groups east hub on
	node_create bee groups east
	node_create cat groups west hub on
	node_create dog groups west
	node_create elk groups west
	spread "${all[@]}"
	expect_eq "peers" "$(for name in "${all[@]}"; do node_peers "$name"; done | paste -sd ,)" \
		"bee cat,ant,ant dog elk,cat elk,cat dog"
	every_pair_pings "${all[@]}"
	expect ping_node dog elk -t 1
	expect ping_node bee dog -t 3
	expect_fail ping_node bee dog -t 2
}

peer_line() { # peer_line NODE KEY_NAME
	ns "$1" "$WEFT" show "$fleet" dump | grep -F "$(public_key "$2")" | cut -f 1-4,8
	ns "$1" "$WEFT" show "$fleet" names | grep -F "$(public_key "$2")"
}

allowed_of() { # allowed_of NODE PEER
	local key

	key=$(ns "$1" "$WEFT" show "$fleet" names | awk -v name="$2" '$2 == name { print $1 }')
	ns "$1" "$WEFT" show "$fleet" allowed-ips | awk -v key="$key" '$1 == key { $1 = ""; print substr($0, 2) }'
}

others_peers_stay() {
	local before second

	fleet_create
	nodes_create ant bee
	node_create cat prefix 10.23.0.0/24
	gather ant bee cat
	bundle_make
	# Before the first apply: a peer with the name of a node, and a prefix of another one.
	ns_ip ant link add "$fleet" type weft
	ns ant "$WEFT" set "$fleet" peer "$(public_key stranger)" name bee allowed-ips 10.23.0.0/24,10.99.0.0/24 \
		endpoint 192.0.2.99:9 persistent-keepalive 77
	before=$(peer_line ant stranger)
	applies ant
	expect_eq "problems" "$(said_list problems | wc -l)" 2
	applies bee
	applies cat
	expect_eq "the other peer" "$(peer_line ant stranger)" "$before"
	expect_eq "allowed IPs of cat" "$(allowed_of ant cat)" 10.77.0.3/32
	expect_unchanged ant "$bundle"
	expect ping_node ant bee
	# Between two of them, with the address of a node.
	ns ant "$WEFT" set "$fleet" peer "$(public_key other)" allowed-ips 10.77.0.3/32
	second=$(peer_line ant other)
	expect_unchanged ant "$bundle"
	nodes_create dog
	spread ant bee cat dog
	expect_eq "the other peers" "$(peer_line ant stranger) $(peer_line ant other)" "$before $second"
	expect ping_node ant dog
	on_store revoke node bee
	bundle_make
	applies ant
	expect_eq "the other peers" "$(peer_line ant stranger) $(peer_line ant other)" "$before $second"
	# Without the other peers the nodes have all that is theirs.
	ns ant "$WEFT" set "$fleet" peer "$(public_key other)" remove peer "$(public_key stranger)" remove
	applies ant
	expect_eq "allowed IPs of cat" "$(allowed_of ant cat | tr ' ' '\n' | sort | paste -sd ' ')" "10.23.0.0/24 10.77.0.3/32"
	expect ping_node ant cat
}

# A mesh of two that was made by hand goes on under the fleet.
adopted() {
	local name before

	fleet_create
	mkdir -p "$states"
	for name in ant bee; do
		new_key "$name.$fleet"
		ns_ip "$name" link add "$fleet" type weft
		ns "$name" "$WEFT" set "$fleet" listen-port 51820 private-key "$(key_file "$name.$fleet")"
		ns_ip_batch "$name" "addr add 10.77.0.${node_number[$name]}/24 dev $fleet" "link set $fleet up"
		node "$name" hello node "$name" admins "$admin" private-key "$(key_file "$name.$fleet")" \
			endpoint "192.0.2.${node_number[$name]}:51820"
		expect_eq "key of $name" "$(said public_key)" "$(public_key "$name.$fleet")"
		on_store admit node "$name" identity "$(said identity)" public-key "$(public_key "$name.$fleet")" \
			address "10.77.0.${node_number[$name]}/24"
		node "$name" hello serial "$(said serial)"
	done
	ns ant "$WEFT" set "$fleet" peer "$(public_key "bee.$fleet")" allowed-ips 10.77.0.2/32 endpoint 192.0.2.2:51820
	ns bee "$WEFT" set "$fleet" peer "$(public_key "ant.$fleet")" allowed-ips 10.77.0.1/32
	expect ping_node ant bee
	before=$(handshakes ant)
	traffic_start "$pace" ant bee
	spread ant bee
	expect_eq "handshakes" "$(handshakes ant)" "$before"
	expect_eq "peers" "$(node_peers ant) $(node_peers bee)" "bee ant"
	expect_unchanged ant "$bundle"
	# A key that was taken over is rotated as any other.
	rotation r1 ant bee
	traffic_lost_nothing
	expect_ne "key of ant" "$(node_key ant)" "$(public_key "ant.$fleet")"
}

stock_link() {
	local name

	modprobe wireguard 2>/dev/null || skip "no in-tree wireguard here"
	defer modprobe -r wireguard
	fleet_create
	nodes_create ant bee cat
	ns_ip cat link add "$fleet" type wireguard
	spread ant bee cat
	expect_match "kind of cat's link" "$(ns_ip cat -d link show "$fleet")" 'wireguard'
	every_pair_pings ant bee cat
	expect_unchanged cat "$bundle"
	# The others rotate; cat's link has one key for each peer.
	rotation r1 ant bee
	applies cat
	expect_unchanged cat "$bundle"
	# Its peers find out that their sessions are gone with the former key.
	for name in ant bee; do
		wait_for 40 ping_node $name cat
	done
	every_pair_pings ant bee cat
	fleet_forget
}

# A member without weft: the admin pins its key, and it gets a file for wg.
plain_member() {
	modprobe wireguard 2>/dev/null || skip "no in-tree wireguard here"
	defer modprobe -r wireguard
	fleet_create
	nodes_create ant bee
	new_key phone
	on_store admit node dog public-key "$(public_key phone)" address 10.77.0.4/24 endpoint 192.0.2.4:51820
	spread ant bee
	"$WEFT" fleet render store "$store" node dog >"$lib_work/plain.conf"
	ns_ip dog link add "$fleet" type wireguard
	grep -v '^Address\|^MTU' "$lib_work/plain.conf" >"$lib_work/plain-wg.conf"
	ns dog wg setconf "$fleet" "$lib_work/plain-wg.conf"
	ns dog wg set "$fleet" private-key "$(key_file phone)"
	ns_ip_batch dog "addr add 10.77.0.4/24 dev $fleet" "link set $fleet up"
	every_pair_pings ant bee dog
	expect_unchanged ant "$bundle"
	fleet_forget
}

# ---- rotation ----

phase() { # phase PHASE ID NODE...
	local what=$1 id=$2 name

	shift 2
	for name; do
		expect node "$name" rotate "$what" id "$id"
	done
}

# The peers' keys at each of these nodes are the present ones of the others.
on_present_keys() { # on_present_keys NODE...
	local name other keys

	for name; do
		keys=$(ns "$name" "$WEFT" show "$fleet" peers)
		for other; do
			[ "$name" = "$other" ] || grep -qxF "$(node_key "$other")" <<<"$keys" || return
		done
	done
}

rotation() { # rotation ID NODE...
	local id=$1

	shift
	phase announce "$id" "$@"
	spread "$@"
	phase change "$id" "$@"
	spread "$@"
	wait_for 60 on_present_keys "$@"
	phase finish "$id" "$@"
	spread "$@"
}

remember_keys() { # remember_keys NODE...
	local name

	for name; do
		set_value "key.$name" "$(node_key "$name")"
	done
}

expect_new_keys() { # expect_new_keys NODE...
	local name

	for name; do
		expect_ne "key of $name" "$(node_key "$name")" "$(value "key.$name")"
		expect_eq "previous key of $name" "$(ns "$name" "$WEFT" show "$fleet" previous-public-key)" "(none)"
	done
}

rotated() {
	local round nodes=("${all[@]:0:$(sized 5 3)}")

	mesh_create "${nodes[@]}"
	traffic_start "$pace" "${nodes[@]}"
	for round in 1 2; do
		remember_keys "${nodes[@]}"
		rotation "r$round" "${nodes[@]}"
		expect_new_keys "${nodes[@]}"
	done
	traffic_lost_nothing
	expect on_present_keys "${nodes[@]}"
	expect_unchanged ant "$bundle"
	expect_eq "keys in ant's memory" "$(grep -c '^made ' "$states/ant/$fleet/memory")" \
		$((${#nodes[@]} - 1))
}

phases_are_idempotent() {
	local what announced

	mesh_create ant bee
	for what in announce change finish; do
		node ant rotate "$what" id r1
		expect_eq "$what: changed" "$(said changed)" true
		spread ant bee
		node ant rotate "$what" id r1
		expect_eq "$what again: changed" "$(said changed)" false
		[ "$what" = announce ] || expect ping_node bee ant
	done
	wait_for 40 ping_node bee ant
	for what in announce change finish; do
		node ant rotate "$what" id r1
		expect_eq "$what when it is over: changed" "$(said changed)" false
	done
	expect_fail node ant rotate change id r2
	expect_fail node ant rotate finish id r2
	wait_for 40 on_present_keys ant bee
	node ant rotate announce id r2
	announced=$(said next_public_key)
	spread ant bee
	expect_eq "next key at bee" "$(ns bee "$WEFT" show "$fleet" next-keys | awk '{ print $2 }')" "$announced"
	node ant rotate undo
	expect_eq "changed, next key" "$(said changed) $(said next_public_key)" "true null"
	spread ant bee
	expect_ne "next key at bee" "$(ns bee "$WEFT" show "$fleet" next-keys | awk '{ print $2 }')" "$announced"
	expect ping_node ant bee
}

# cat's machine hears of nothing, its peers' keys are gone meanwhile.
away_during() { # away_during ROUNDS
	local round

	mesh_create ant bee cat
	every_pair_pings ant bee cat
	ns_ip cat link set up0 down
	for ((round = 1; round <= $1; round++)); do
		rotation "r$round" ant bee
	done
	ns_ip cat link set up0 up
	# The bundle reaches cat outside of the tunnel.
	applies cat
	expect on_present_keys ant bee
	wait_for 60 ping_node cat ant
	wait_for 60 ping_node bee cat
	wait_for 60 on_present_keys ant bee cat
	every_pair_pings ant bee cat
	expect_unchanged cat "$bundle"
	expect_eq "keys in cat's memory" "$(grep -c '^made ' "$states/cat/$fleet/memory")" 2
}

same_instant() {
	local round rounds name

	rounds=$(sized 3 2)
	mesh_create ant bee
	traffic_start "$pace" ant bee
	for ((round = 1; round <= rounds; round++)); do
		remember_keys ant bee
		phase announce "r$round" ant bee
		spread ant bee
		for name in ant bee; do
			WEFT_FLEET_STATE=$states/$name ns_run "change.$name" "$name" "$WEFT" fleet rotate "$fleet" change id "r$round"
		done
		for name in ant bee; do
			expect ns_wait "change.$name"
		done
		spread ant bee
		wait_for 60 on_present_keys ant bee
		phase finish "r$round" ant bee
		spread ant bee
		expect_new_keys ant bee
	done
	traffic_lost_nothing
}

killed() { # killed SECONDS NODE VERB WORDS...
	local command=(timeout -s KILL "$1" "$WEFT" fleet "$3" "$fleet" "${@:4}")

	WEFT_FLEET_STATE=$states/$2 ns "$2" "${command[@]}" >/dev/null 2>&1 || true
}

# Moments within a run of a verb, and one behind it: the middle of a run is the fastest of three.
moments() { # moments NODE VERB WORDS...: sets delays
	local try begun took least=1000000 part step

	for try in 1 2 3; do
		begun=${EPOCHREALTIME/.}
		node "$@" >/dev/null
		took=$((${EPOCHREALTIME/.} - begun))
		[ $took -gt $least ] || least=$took
	done
	delays=()
	step=$(sized 1 4)
	for ((part = 3; part <= 12; part += step)); do
		printf -v took '%d.%06d' $((least * part / 10 / 1000000)) $((least * part / 10 % 1000000))
		delays+=("$took")
	done
}

where_is_new_key() {
	grep -q '"previous":' "$states/ant/$fleet/self" && echo written
	[ "$(node_key ant)" = "$(value key.ant)" ] && echo not in the kernel || echo in the kernel
}

killed_while_changing() {
	local delay delays id round=0

	mesh_create ant bee
	moments ant rotate undo
	traffic_start "$pace" ant bee
	for delay in "${delays[@]}"; do
		round=$((round + 1)) id=r$round
		remember_keys ant
		killed "$delay" ant rotate announce id $id
		phase announce $id ant
		spread ant bee
		killed "$delay" ant rotate change id $id
		note "after $delay s the new key is $(where_is_new_key)"
		killed "$delay" ant rotate change id $id
		phase change $id ant
		expect_ne "key of ant" "$(node_key ant)" "$(value key.ant)"
		spread ant bee
		wait_for 60 on_present_keys ant bee
		killed "$delay" ant rotate finish id $id
		phase finish $id ant
		spread ant bee
		expect_new_keys ant
	done
	traffic_lost_nothing
}

killed_while_applying() {
	local delay delays

	fleet_create
	nodes_create ant bee cat
	spread ant bee cat
	ns_ip ant link del "$fleet"
	moments ant apply "$bundle"
	for delay in "${delays[@]}"; do
		ns_ip ant link del "$fleet"
		rm -f "$states/ant/$fleet/memory" "$states/ant/$fleet/$fleet.conf"
		killed "$delay" ant apply "$bundle"
		note "after $delay s: $(ls "$states/ant/$fleet" | paste -sd ' '), link $(ns_ip ant -brief link show type weft)"
		applies ant
		expect_eq "peers of ant" "$(node_peers ant)" "bee cat"
		wait_for 40 ping_node ant bee
		expect_unchanged ant "$bundle"
	done
}

# ---- membership ----

has_peer() { # has_peer NODE PEER
	[[ " $(node_peers "$1") " == *" $2 "* ]]
}

revoked() {
	local name

	mesh_create ant bee cat dog
	every_pair_pings ant bee cat dog
	on_store revoke node dog
	expect_eq "revoked" "$(said changed)" true
	bundle_make
	capture_start after ant up0 'udp and src host 192.0.2.4'
	for name in ant bee cat; do
		applies "$name"
		expect_fail has_peer "$name" dog
		expect_unchanged "$name" "$bundle"
	done
	expect_fail ping_node dog ant -W 2
	expect_fail ping_node dog bee -W 2
	capture_stop after
	expect_gt "packets that dog sent to ant" "$(capture_count after)" 0
	every_pair_pings ant bee cat
	# The revoked node hears of it, and its own interface stays as it was.
	expect_fail node dog apply "$bundle"
	# Its old records bring it back nowhere.
	gather dog || true
	for name in ant bee cat; do
		node "$name" apply "$bundle"
		expect_fail has_peer "$name" dog
	done
	# Admitted again under a higher serial.
	admit dog
	expect_gt "serial" "$(value serial.dog)" 1
	bundle_make
	node dog apply "$bundle" || true
	node dog hello serial "$(value serial.dog)"
	spread ant bee cat dog
	every_pair_pings ant bee cat dog
}

# A store that was rolled back or emptied removes no peer, and brings no revoked node back.
rolled_back() {
	mesh_create ant bee cat
	cp "$bundle" "$lib_work/old-bundle"
	rotation r1 bee
	nodes_create dog
	spread ant bee cat dog
	on_store revoke node cat
	bundle_make
	applies ant
	expect_eq "peers of ant" "$(node_peers ant)" "bee dog"
	wait_for 60 ping_node ant bee
	wait_for 60 on_present_keys ant bee
	expect_status 2 ant apply "$lib_work/old-bundle"
	expect_gt "refused records" "$(grep -c '"reason"' "$answer")" 0
	expect_eq "peers of ant" "$(node_peers ant)" "bee dog"
	expect on_present_keys ant bee
	: >"$lib_work/empty"
	expect_status 1 ant apply "$lib_work/empty"
	head -n 1 "$bundle" >"$lib_work/one-record"
	expect_unchanged ant "$lib_work/one-record"
	head -c 700 "$bundle" >"$lib_work/cut"
	expect_status 2 ant apply "$lib_work/cut"
	expect_eq "peers of ant" "$(node_peers ant)" "bee dog"
	expect ping_node ant bee
	rm -f "$lib_work/old-bundle"
}

much_waits() {
	fleet_create
	nodes_create ant bee cat dog
	node_create elk prefix 10.20.0.0/24
	spread "${all[@]}"
	on_store revoke node dog,elk
	bundle_make
	expect_status 3 ant apply "$bundle"
	expect_ne "waiting" "$(said waiting)" null
	expect_eq "peers" "$(node_peers ant)" "bee cat dog elk"
	# Without its route a packet to a peer that stays would pass the tunnel by.
	expect_match "route to a peer that waits" "$(ns_ip ant route show 10.20.0.0/24)" "dev $fleet"
	expect_status 3 ant apply --dry-run
	expect_status 3 ant apply
	expect_eq "peers" "$(node_peers ant)" "bee cat dog elk"
	expect_status 0 ant apply --really
	expect_eq "waiting, peers" "$(said waiting) $(node_peers ant)" "null bee cat"
	expect_eq "route to a peer that is gone" "$(ns_ip ant route show 10.20.0.0/24)" ""
	expect_unchanged ant "$bundle"
}

statuses() {
	expect_fail ns ant "$WEFT" fleet apply "$fleet"
	fleet_create
	nodes_create ant bee
	mkdir -p "$states"
	expect_status 1 ant apply
	expect_status 1 cat apply "$lib_work/none"
	gather ant bee
	bundle_make
	expect_status 0 ant apply "$bundle"
	expect_status 1 ant apply "$lib_work/none"
	expect_eq "peers" "$(node_peers ant)" bee
	sed 's/^\(weft-fleet.1 node [^ ]* \)./\1_/' "$bundle" >"$lib_work/forged"
	expect_status 2 ant apply "$lib_work/forged"
	echo nonsense >>"$bundle"
	expect_status 2 ant apply "$bundle"
	expect_eq "peers" "$(node_peers ant)" bee
	expect_status 1 ant rotate change id never
	# A link of this name that is no tunnel.
	ns_ip bee link add "$fleet" type dummy
	bundle_make
	expect_status 1 bee apply "$bundle"
	ns_ip bee link del "$fleet"
	expect_status 0 bee apply "$bundle"
	# An unknown verb, and unknown words.
	expect_fail ns ant "$WEFT" fleet nothing "$fleet"
	expect_status 1 ant hello nothing 7
	expect_status 1 ant hello node cat
}

# ---- paths ----

roamed() {
	mesh_create ant bee
	every_pair_pings ant bee
	ns_ip_batch bee "addr del 192.0.2.2/24 dev up0" "addr add 192.0.2.77/24 dev up0"
	defer ns_ip_batch bee "addr del 192.0.2.77/24 dev up0" "addr add 192.0.2.2/24 dev up0"
	wait_for 40 ping_node bee ant
	expect_match "endpoint of bee at ant" "$(ns ant "$WEFT" show "$fleet" endpoints)" '192\.0\.2\.77:'
	expect_unchanged ant "$bundle"
	expect_unchanged ant
	expect_match "endpoint of bee at ant" "$(ns ant "$WEFT" show "$fleet" endpoints)" '192\.0\.2\.77:'
	expect ping_node ant bee
}

endpoint_inside() {
	fleet_create
	nodes_create ant bee
	node_create cat prefix 10.20.0.0/24
	node bee hello endpoint 10.20.0.9:51820,10.77.0.3:51820
	spread ant bee cat
	applies ant
	expect_eq "endpoint of bee at ant" "$(ns ant "$WEFT" show "$fleet" dump | awk '/10.77.0.2/ { print $3 }')" "(none)"
	expect_eq "problems" "$(said_list problems | grep -c 'inside the tunnel')" 2
	expect_unchanged ant
	expect ping_node bee ant
}

# The tunnel's own packets are marked, and pass the default route through the tunnel by.
default_route() {
	fleet_create
	nodes_create ant
	node_create bee prefix 0.0.0.0/0
	spread ant bee
	expect_ne "mark of ant" "$(ns ant "$WEFT" show "$fleet" fwmark)" off
	expect_match "way of another packet" "$(ns_ip ant route get 198.51.100.1)" "dev $fleet"
	wait_for 30 ping_node ant bee
	expect_unchanged ant
	expect_unchanged ant
}

identity_of() { # identity_of NODE
	sed -n 's/.*"identity":"\([^"]*\)".*/\1/p' "$store/node/$1"
}

# One call of "admit" gives the prefix to one of bee and cat, and takes it from the other.
prefix_to() { # prefix_to OWNER
	local name prefix comma=''

	for name in bee cat; do
		prefix=''
		[ "$name" != "$1" ] || prefix='"10.20.0.0/24"'
		printf '%s{"node":"%s","identity":"%s","addresses":["10.77.0.%s/24"],"prefixes":[%s]}' \
			"$comma" "$name" "$(identity_of $name)" "${node_number[$name]}" "$prefix"
		comma=,
	done >"$lib_work/nodes.json"
	echo "[$(<"$lib_work/nodes.json")]" >"$lib_work/nodes.json"
	on_store admit from "$lib_work/nodes.json"
	bundle_make
}

# Each datagram to the prefix finds an owner.
prefix_moves() {
	local owner name

	mesh_create ant bee cat
	every_pair_pings ant bee cat
	for name in bee cat; do
		addr_add "$name" lo 10.20.0.1/32
		defer ns_ip "$name" addr del 10.20.0.1/32 dev lo
	done
	prefix_to bee
	for name in ant bee cat; do
		applies "$name"
	done
	rm -f "$lib_work/ready" "$lib_work/over"
	ns_run moving net python3 "$test_dir/fleet.py" moving "$lib_work/over" "$lib_work/ready" "$(sized 1 20)" \
		"$(ns_name ant)" 10.20.0.1 "$(ns_name bee)" "$(ns_name cat)"
	wait_for 30 test -e "$lib_work/ready"
	for owner in cat bee cat bee cat; do
		prefix_to $owner
		applies ant
		expect_match "allowed IPs of $owner" "$(allowed_of ant $owner)" 10.20.0.0/24
		pause 0.3
	done
	touch "$lib_work/over"
	expect ns_wait moving
	note "$(<"$(ns_output moving)")"
	expect_match "datagrams to the prefix" "$(<"$(ns_output moving)")" \
		'^[0-9]+ sent, [1-9][0-9]* and [1-9][0-9]* received, 0 lost, 0 errors$'
}

# ---- the machine ----

# ant is in networks of cat's prefixes, and disables IPv6; the rest of the fleet is there all the same.
left_out() {
	fleet_create
	nodes_create ant bee
	node_create cat prefix 10.20.0.0/24,10.21.3.0/24,fd20::/64
	on_store admit node ant identity "$(identity_of ant)" address 10.77.0.1/24,fd77::1/64
	addr_add ant up0 10.20.0.9/24
	addr_add ant up0 10.21.0.9/16
	node bee hello endpoint 192.0.2.2:51820,[2001:db8::2]:51820
	ns ant sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	defer ns ant sysctl -qw net.ipv6.conf.all.disable_ipv6=0
	gather ant bee cat
	bundle_make
	applies bee
	applies cat
	expect_status 2 ant apply "$bundle"
	expect_eq "problems" "$(said_list problems | grep -c 'left out')" 2
	note "$(said_list problems)"
	expect_eq "allowed IPs of cat" "$(allowed_of ant cat | tr ' ' '\n' | sort | paste -sd ' ')" "10.21.3.0/24 10.77.0.3/32"
	expect_match "way around ant's wider network" "$(ns_ip ant route get 10.21.3.77)" "dev $fleet"
	expect_eq "way to ant's network" "$(ns_ip ant route get 10.20.0.77 | grep -o 'dev up0')" "dev up0"
	expect ping_node ant bee
	expect ping_node cat ant
	expect_status 2 ant apply
	expect_eq "changed" "$(said changed)" false
	node ant status
	expect_eq "problems in the status" "$(grep -c 'left out' "$answer")" 2
	ns_ip_batch ant "addr del 10.20.0.9/24 dev up0" "addr del 10.21.0.9/16 dev up0"
	ns ant sysctl -qw net.ipv6.conf.all.disable_ipv6=0
	applies ant
	expect_eq "allowed IPs of cat" "$(allowed_of ant cat | tr ' ' '\n' | sort | paste -sd ' ')" \
		"10.20.0.0/24 10.21.3.0/24 10.77.0.3/32 fd20::/64"
	expect_match "addresses of ant" "$(ns_ip ant -o addr show dev "$fleet")" 'fd77::1/64'
	expect_unchanged ant
	node ant status
	expect_eq "problems in the status" "$(grep 'left out' "$answer" || true)" ""
	# A network that turns up takes no packets out of the tunnel.
	addr_add ant up0 10.20.0.9/24
	applies ant
	expect_match "allowed IPs of cat" "$(allowed_of ant cat)" 10.20.0.0/24
}

leaves() {
	local folder=$states/ant/$fleet

	mesh_create ant bee
	every_pair_pings ant bee
	node_state ant >"$lib_work/state-ant"
	node ant leave --dry-run
	expect_eq "changed" "$(said changed)" true
	expect_state ant "$lib_work/state-ant" "a dry run of leave"
	expect node ant leave
	expect_match "changes" "$(said_list changes)" "$fleet"
	expect_fail ns_ip ant link show "$fleet"
	expect_eq "routes" "$(ns_ip ant route show | grep -c 10.77 || true)" 0
	expect_eq "state folders" "$(ls "$states/ant")" "$fleet~"
	expect node ant leave
	expect_eq "changed" "$(said changed)" false
	# A mistake is taken back.
	mv "$folder~" "$folder"
	applies ant
	wait_for 60 ping_node ant bee
	# The link alone is gone.
	ns_ip ant link del "$fleet"
	expect node ant leave --really
	expect_eq "state folders" "$(ls "$states/ant")" ""
	expect_fail node ant apply
	# A link of this name that is no tunnel stays.
	ns_ip ant link add "$fleet" type dummy
	node ant hello node ant admins "$admin"
	expect node ant leave --really
	expect ns_ip ant link show "$fleet"
}

reboot_node() { # reboot_node NODE: the kernel's state is lost
	ns_ip "$1" link del "$fleet"
}

rebooted() {
	local key

	mesh_create ant bee
	every_pair_pings ant bee
	key=$(node_key ant)
	reboot_node ant
	expect node ant apply
	expect_eq "key" "$(node_key ant)" "$key"
	wait_for 60 ping_node ant bee
	wait_for 60 ping_node bee ant
	expect_unchanged ant
	# After each phase of a rotation.
	node ant rotate announce id r1
	reboot_node ant
	expect node ant apply
	expect_eq "key" "$(node_key ant)" "$key"
	spread ant bee
	reboot_node ant
	node ant rotate change id r1
	expect node ant apply
	expect_ne "key" "$(node_key ant)" "$key"
	expect_eq "previous key" "$(ns ant "$WEFT" show "$fleet" previous-public-key)" "$key"
	# bee has not heard of the change, and knows the key as the next one.
	wait_for 60 ping_node bee ant
	reboot_node ant
	expect node ant apply
	expect_eq "previous key" "$(ns ant "$WEFT" show "$fleet" previous-public-key)" "$key"
	wait_for 60 ping_node bee ant
	spread ant bee
	node ant rotate finish id r1
	reboot_node ant
	expect node ant apply
	expect_eq "previous key" "$(ns ant "$WEFT" show "$fleet" previous-public-key)" "(none)"
	wait_for 60 ping_node bee ant
	spread ant bee
	expect_unchanged ant
}

weft_at() { # weft_at NODE ARGS...
	WEFT_FLEET_STATE=$states/$1 ns "$1" "$WEFT" "${@:2}"
}

file_works() {
	local file=$states/ant/$fleet/$fleet.conf

	mesh_create ant bee
	every_pair_pings ant bee
	expect weft_at ant -j doctor "$fleet" >"$lib_work/doctor"
	cat "$lib_work/doctor"
	expect_eq "faults" "$(sed -n 's/.*"code": *"\([^"]*\)".*/\1/p' "$lib_work/doctor")" ""
	node_state ant >"$lib_work/state-ant"
	expect weft_at ant up "$file"
	expect_state ant "$lib_work/state-ant" "weft up"
	expect weft_at ant down "$fleet"
	expect_fail ns_ip ant link show "$fleet"
	expect weft_at ant up "$file"
	wait_for 60 ping_node ant bee
	expect_unchanged ant
	expect weft_at ant check "$file"
	expect weft_at ant down "$file"
	expect node ant apply
	wait_for 60 ping_node ant bee
	# In the middle of a rotation, too.
	node ant rotate announce id r1
	spread ant bee
	node ant rotate change id r1
	expect weft_at ant down "$fleet"
	expect weft_at ant up "$file"
	expect_ne "previous key" "$(ns ant "$WEFT" show "$fleet" previous-public-key)" "(none)"
	expect_unchanged ant
	spread bee
	wait_for 60 ping_node bee ant
}

at_once() {
	local rounds name

	fleet_create
	nodes_create ant bee cat
	gather ant bee cat
	bundle_make
	applies bee
	applies cat
	for ((rounds = $(sized 5 3); rounds > 0; rounds--)); do
		for name in one two; do
			WEFT_FLEET_STATE=$states/ant ns_run "apply.$name" ant "$WEFT" -j fleet apply "$fleet" "$bundle"
		done
		expect ns_wait apply.one
		expect ns_wait apply.two
		expect_eq "applies that change something" \
			"$(cat "$(ns_output apply.one)" "$(ns_output apply.two)" | grep -c '^  "changed": true')" 1
		expect_eq "peers" "$(node_peers ant)" "bee cat"
		expect_unchanged ant "$bundle"
		ns_ip ant link del "$fleet"
	done
}

beside_others() {
	local round rounds

	rounds=$(sized 5 3)
	mesh_create ant bee cat
	every_pair_pings ant bee cat
	traffic_start "$pace" ant bee cat
	for ((round = 1; round <= rounds; round++)); do
		ns_run set ant "$WEFT" set "$fleet" peer "$(public_key stranger)" allowed-ips "10.99.$round.0/24"
		WEFT_FLEET_STATE=$states/ant ns_run apply ant "$WEFT" fleet apply "$fleet" "$bundle"
		ns_run monitor ant "$WEFT" set "$fleet" fwmark 0
		expect ns_wait set
		expect ns_wait apply
		expect ns_wait monitor
	done
	ns ant "$WEFT" set "$fleet" peer "$(public_key stranger)" remove
	expect_unchanged ant "$bundle"
	traffic_lost_nothing
}

# A rotation that the fleet did not begin is ended by the fleet's own key.
beside_rotate() {
	local key

	mesh_create ant bee
	every_pair_pings ant bee
	key=$(node_key ant)
	expect_fail weft_at ant rotate "$fleet" private-key "$(key_file other)"
	expect_eq "key of ant" "$(node_key ant)" "$key"
	expect weft_at ant rotate "$fleet" private-key "$(key_file other)" --really
	expect_ne "key of ant" "$(node_key ant)" "$key"
	WEFT_FLEET_STATE=$states/ant ns_run apply ant "$WEFT" fleet apply "$fleet" "$bundle"
	expect ns_wait apply
	expect_eq "key of ant" "$(node_key ant)" "$key"
	wait_for 60 ping_node bee ant
	expect_unchanged ant "$bundle"
}

run_case "five nodes become a mesh" mesh
run_case "a second apply changes nothing" second_changes_nothing
run_case "a dry run changes nothing, and predicts" dry_run_predicts
run_case "a hub and its spokes" hub_and_spokes
run_case "two groups, joined by their hubs" groups
run_case "peers that the fleet did not make stay" others_peers_stay
run_case "an interface made by hand is adopted" adopted
run_case "a node with a stock link" stock_link
run_case "a member without weft" plain_member
run_case "two rotations, not one packet is lost" rotated
run_case "each phase of a rotation is idempotent" phases_are_idempotent
run_case "a node that was away during a rotation" away_during 1
run_case "a node that was away during two rotations" away_during 2
run_case "both ends rotate in the same instant" same_instant
run_case "a rotation is killed anywhere" killed_while_changing
run_case "an apply is killed anywhere" killed_while_applying
run_case "a node is revoked, and admitted again" revoked
run_case "a store that is rolled back or emptied" rolled_back
run_case "removals of more than a tenth wait" much_waits
run_case "exit statuses" statuses
run_case "endpoints that roamed stay" roamed
run_case "no endpoint is inside the tunnel" endpoint_inside
run_case "a default route by a node" default_route
run_case "a prefix moves at once" prefix_moves
run_case "what a machine cannot take is left out" left_out
run_case "a node leaves" leaves
run_case "a reboot, also during a rotation" rebooted
run_case "the file works with up, down and doctor" file_works
run_case "two applies at once" at_once
run_case "an apply beside other commands" beside_others
run_case "an apply after a rotation by hand" beside_rotate
