#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Keys are replaced under traffic without the loss of a packet: those of a mesh node by node, and preshared ones, also with
# in-tree peers; the mesh keeps working when a rotation is interrupted at any point, or a node is restarted.
#
#	 n0 wt0 10.9.0.1   n1 wt0 10.9.0.2   ...  n4 wt0 10.9.0.5
#	 v0 192.0.2.1      v1 192.0.2.2           v4 192.0.2.5
#	    |                 |                      |
#	    +------- br0 in namespace h -------------+
# timeout: 1200
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

skip_unless_weft
pace=$(stretched 10)
[ -z "${EMULATED-}" ] || [ "$SLOW" -gt 1 ] || pace=80

mesh_underlay_create() { # mesh_underlay_create NODES
	local i

	ns_create h
	ns_ip_batch h "link add br0 type bridge" "link set br0 up"
	for ((i = 0; i < $1; i++)); do
		ns_create "n$i"
		veth_link "n$i" "v$i" h "h$i"
		ns_ip h link set "h$i" master br0
		addr_add "n$i" "v$i" "192.0.2.$((i + 1))/24"
	done
}

# Node number i has the address 10.9.0.i+1; the last node has the given kind, the others are weft.
mesh_create() { # mesh_create NODES [KIND_OF_THE_LAST]
	local i j

	mesh_underlay_create "$1"
	for ((i = 0; i < $1; i++)); do
		if [ "$i" = $(($1 - 1)) ] && [ -n "${2-}" ]; then
			tunnel_create_kind "$2" "n$i" wt0 "10.9.0.$((i + 1))/24"
		else
			tunnel_create "n$i" wt0 "10.9.0.$((i + 1))/24"
		fi
	done
	for ((i = 0; i < $1; i++)); do
		for ((j = 0; j < $1; j++)); do
			[ "$i" = "$j" ] || peer_add "n$i" wt0 "n$j" wt0 "10.9.0.$((j + 1))/32" endpoint "192.0.2.$((j + 1)):51820"
		done
	done
	for ((i = 0; i < $1; i++)); do
		for ((j = i + 1; j < $1; j++)); do
			session_up "n$i" wt0 "n$j" wt0 "10.9.0.$((j + 1))"
		done
	done
}

# Pings every 10 ms (80 where instructions are emulated) between every two nodes, and a TCP stream, until
# traffic_lost_nothing().
traffic_start() { # traffic_start NODES
	local i j nodes=()

	for ((i = 0; i < $1; i++)); do
		nodes+=("$ns_prefix""n$i=10.9.0.$((i + 1))")
	done
	rm -f "$lib_work/ready" "$lib_work/over"
	ns_run streams n0 python3 "$test_dir/rotate.py" streams "$lib_work/over" "$lib_work/ready" "${nodes[@]}"
	wait_for 30 test -e "$lib_work/ready"
	for ((i = 0; i < $1; i++)); do
		for ((j = i + 1; j < $1; j++)); do
			ns_run "ping$i$j" "n$i" ping -n -i "${pace}e-3" -W 5 "10.9.0.$((j + 1))"
		done
	done
}

# The traffic continues for a second, so that a loss at the very end shows.
traffic_lost_nothing() { # traffic_lost_nothing NODES
	local i j said came sent again

	pause 1
	for ((i = 0; i < $1; i++)); do
		for ((j = i + 1; j < $1; j++)); do
			pings_stop "ping$i$j"
		done
	done
	touch "$lib_work/over"
	ns_wait streams || fail "streams: $(tail -n 1 "$(ns_output streams)")"
	said=$(<"$(ns_output streams)")
	note "streams: $said"
	read -r came _ sent _ again _ <<<"$said"
	expect_eq "bytes received, and retransmitted" "$came ${again:-none}" "$sent 0"
	expect_gt "bytes" "$sent" 10000
}

# Later calls of the library use KEY for the node.
use_key() { # use_key NODE KEY
	cp "$(key_file "$2")" "$lib_work/keys/$1.wt0"
	cp "$(key_file "$2").pub" "$lib_work/keys/$1.wt0.pub"
}

# Rotates a node's key and configures the others.
rotate_node() { # rotate_node NODE ROUND OTHERS...
	local node=$1 round=$2 old new other

	shift 2
	old=$(tunnel_key "$node" wt0)
	new=$(ns "$node" weft rotate wt0 private-key "$(key_file "$node.$round")")
	expect_eq "the key that is printed" "$new" "$(public_key "$node.$round")"
	for other; do
		ns "$other" weft set wt0 peer "$old" next-public-key "$new"
	done
	use_key "$node" "$node.$round"
}

# Whether NODE has peers of exactly these keys.
has_peers() { # has_peers NODE KEY...
	local node=$1

	shift
	[ "$(ns "$node" weft show wt0 peers | sort)" = "$(printf '%s\n' "$@" | sort)" ]
}

mesh_is_on_new_keys() { # mesh_is_on_new_keys NODES
	local i j keys

	for ((i = 0; i < $1; i++)); do
		keys=()
		for ((j = 0; j < $1; j++)); do
			[ "$i" = "$j" ] || keys+=("$(tunnel_key "n$j" wt0)")
		done
		has_peers "n$i" "${keys[@]}" || return
	done
}

mesh_is_rotated() {
	local round rounds node nodes=(n0 n1 n2 n3 n4) others

	mapfile -t rounds < <(seq "$(sized 3 2)")
	mesh_create 5
	for round in "${rounds[@]}"; do
		for node in "${nodes[@]}"; do
			new_key "$node.$round"
		done
	done
	traffic_start 5
	for round in "${rounds[@]}"; do
		for node in "${nodes[@]}"; do
			mapfile -t others < <(printf '%s\n' "${nodes[@]}" | grep -v "$node")
			rotate_node "$node" "$round" "${others[@]}"
		done
		wait_for 30 mesh_is_on_new_keys 5
		for node in "${nodes[@]}"; do
			expect ns "$node" weft rotate wt0 finish
		done
	done
	traffic_lost_nothing 5
	expect mesh_is_on_new_keys 5
}

flows() { # flows NODE ADDRESS
	expect ns "$1" ping -n -q -c 5 -i 0.1 -W 5 "$2"
}

shows() { # shows NODE FIELD TEXT: the field of the interface, or of its only peer
	[ "$(ns "$1" weft show wt0 "$2" | awk '{ print $NF }')" = "$3" ]
}

# An in-tree peer does not support two keys, and is configured with one.
in_tree_among_them() {
	local old new

	mesh_create 3 wireguard
	new_key n0.1
	new_key n1.1
	old=$(tunnel_key n0 wt0)
	traffic_start 3
	rotate_node n0 1 n1
	rotate_node n1 1 n0
	pause 7
	wait_for 10 shows_key n1 "$(tunnel_key n0 wt0)"
	traffic_lost_nothing 3
	# The in-tree peer is configured with the new key later.
	new=$(tunnel_key n0 wt0)
	ns n2 wg set wt0 peer "$new" allowed-ips 10.9.0.1/32 endpoint 192.0.2.1:51820
	ns n2 wg set wt0 peer "$old" remove
	flows n2 10.9.0.1
	expect ns n0 weft rotate wt0 finish
	flows n0 10.9.0.3
	expect_eq "identity that the in-tree peer uses" \
		"$(ns n0 weft show wt0 identities | awk -v key="$(tunnel_key n2 wt0)" '$1 == key { print $2 }')" current
}

shows_key() { # shows_key NODE KEY: among its peers
	ns "$1" weft show wt0 peers | grep -Fx "$2" >/dev/null
}

copies_are() { # copies_are DIGITS KEYFILE...
	local digits=$1

	shift
	[ "$(python3 "$test_dir/rotate.py" copies "$@")" = "$digits" ]
}

old_key_is_forgotten() {
	local old new

	skip_unless_readable
	mesh_create 2
	new_key n0.1
	old=$(key_file n0.old)
	cp "$(tunnel_key_file n0 wt0)" "$old"
	new=$(key_file n0.1)
	expect copies_are 10 "$old" "$new"
	rotate_node n0 1 n1
	expect copies_are 11 "$old" "$new"
	flows n0 10.9.0.2
	expect ns n0 weft rotate wt0 finish
	wait_for 10 copies_are 01 "$old" "$new"
	expect_error "cannot rotate the key of 'wt0': rotation: none is in progress, there is no previous key" ns n0 weft rotate wt0 finish
	flows n0 10.9.0.2
}

goes_back() {
	local old new

	mesh_create 2
	new_key n0.1
	old=$(tunnel_key n0 wt0)
	traffic_start 2
	new=$(ns n0 weft rotate wt0 private-key "$(key_file n0.1)")
	expect_error "has not ended" ns n0 weft rotate wt0
	expect_eq "the same again" "$(ns n0 weft rotate wt0 private-key "$(key_file n0.1)")" "$new"
	expect_eq "back to" "$(ns n0 weft rotate wt0 undo)" "$old"
	expect shows n0 previous-public-key '(none)'
	# The peer has n0's new key: to return, its configuration changes, too.
	expect_eq "the key" "$(ns n0 weft rotate wt0 private-key "$(key_file n0.1)")" "$new"
	ns n1 weft set wt0 peer "$old" next-public-key "$new"
	wait_for 16 shows n1 peers "$new"
	expect shows n1 previous-keys "$old"
	expect ns n0 weft rotate wt0 undo
	ns n1 weft set wt0 peer "$new" next-public-key "$old"
	wait_for 16 shows n1 peers "$old"
	expect_error "there is no previous key" ns n0 weft rotate wt0 undo
	traffic_lost_nothing 2
}

grace_ends() {
	local old new

	mesh_create 2
	new_key n0.1
	old=$(tunnel_key n0 wt0)
	ns n1 weft set wt0 peer "$old" grace 12
	ns_run monitor n1 weft monitor wt0
	new=$(ns n0 weft rotate wt0 private-key "$(key_file n0.1)" grace 20)
	ns n1 weft set wt0 peer "$old" next-public-key "$new"
	wait_for 16 shows n1 peers "$new"
	pause 6
	expect shows n0 previous-public-key "$old"
	expect shows n1 previous-keys "$old"
	wait_for 22 shows n0 previous-public-key '(none)'
	wait_for 20 shows n1 previous-keys '(none)'
	flows n1 10.9.0.1
	ns_stop monitor
	expect_eq "events of keys" "$(grep -cE 'peer key changed \(packet\)|grace ended \(time\)' "$(ns_output monitor)")" 2
	# A grace that is ended by hand, and one without an end.
	new_key n0.2
	ns n1 weft set wt0 peer "$new" grace off
	old=$new
	new=$(ns n0 weft rotate wt0 private-key "$(key_file n0.2)" grace off)
	ns n1 weft set wt0 peer "$old" next-public-key "$new"
	wait_for 16 shows n1 peers "$new"
	pause 100
	expect shows n0 previous-public-key "$old"
	expect shows n1 previous-keys "$old"
	ns n1 weft set wt0 peer "$new" previous-public-key off
	expect shows n1 previous-keys '(none)'
}

preshared_rotates() {
	local first second

	mesh_create 2
	first=$(psk_file first)
	second=$(psk_file second)
	peer_set n0 wt0 n1 wt0 preshared-key "$first"
	peer_set n1 wt0 n0 wt0 preshared-key "$first"
	traffic_start 2
	peer_set n0 wt0 n1 wt0 next-preshared-key "$second"
	expect shows n0 preshared-keys "$(<"$first")"
	peer_set n1 wt0 n0 wt0 next-preshared-key "$second"
	# Two handshakes, 5 s apart, and repetitions of those that cross.
	wait_for 24 shows n0 preshared-keys "$(<"$second")"
	wait_for 5 shows n1 preshared-keys "$(<"$second")"
	traffic_lost_nothing 2
	peer_set n0 wt0 n1 wt0 previous-preshared-key off
	peer_set n1 wt0 n0 wt0 previous-preshared-key off
	flows n1 10.9.0.1
	skip_unless_readable
	expect_eq "preshared keys in memory" "$(python3 "$test_dir/rotate.py" copies-of-preshared "$first" "$second")" 01
}

preshared_with_in_tree() {
	local first second

	mesh_create 2 wireguard
	first=$(psk_file third)
	second=$(psk_file fourth)
	peer_set n0 wt0 n1 wt0 preshared-key "$first"
	peer_set n1 wt0 n0 wt0 preshared-key "$first"
	peer_set n0 wt0 n1 wt0 next-preshared-key "$second"
	# Each end renews the session with a key that the other end has, too.
	for _ in 1 2; do
		pause 125
		ns n1 ping -n -q -c 8 -i 2 10.9.0.1 | grep ' 0% packet loss' >/dev/null
		expect shows n0 preshared-keys "$(<"$first")"
	done
	peer_set n1 wt0 n0 wt0 preshared-key "$second"
	pause 125
	ns n1 ping -n -q -c 8 -i 2 10.9.0.1 | grep ' 0% packet loss' >/dev/null
	wait_for 5 shows n0 preshared-keys "$(<"$second")"
}

called_by_each_key() {
	local old new file=$lib_work/n1.conf

	mesh_create 2
	new_key n0.1
	old=$(tunnel_key n0 wt0)
	new=$(public_key n0.1)
	ns n1 weft set wt0 peer "$old" next-public-key "$new"
	ns n1 weft set wt0 peer "$new" persistent-keepalive 21
	expect_eq "peers" "$(ns n1 weft show wt0 persistent-keepalive)" "$old"$'\t'21
	ns n1 weft showconf wt0 >"$file"
	expect grep -q "^NextPublicKey = $new\$" "$file"
	sed -i "s|^PublicKey = .*|PublicKey = $new|; /^NextPublicKey/d" "$file"
	expect ns n1 weft syncconf wt0 "$file"
	expect_eq "key, and the next" "$(ns n1 weft show wt0 next-keys)" "$old"$'\t'"$new"
	rotate_node n0 1 n1
	wait_for 16 shows n1 peers "$new"
	ns n1 weft set wt0 peer "$old" persistent-keepalive 22
	sed -i "s|^PublicKey = .*|PublicKey = $old|; s|^Persistent.*|PersistentKeepalive = 22|" "$file"
	expect ns n1 weft syncconf wt0 "$file"
	expect_eq "peers" "$(ns n1 weft show wt0 persistent-keepalive)" "$new"$'\t'22
	expect_eq "handshakes" "$(ns n1 weft show wt0 latest-handshakes | wc -l)" 1
	flows n1 10.9.0.1
}

# Keys of other peers and of the device, and invalid combinations.
refused() {
	local other

	mesh_create 3
	other=$(tunnel_key n2 wt0)
	expect_error "it is another peer's" peer_set n0 wt0 n1 wt0 next-public-key "$other"
	expect_error "it is the device's own" peer_set n0 wt0 n1 wt0 next-public-key "$(tunnel_key n0 wt0)"
	expect_error "it is another peer's" ns n0 weft set wt0 peer "$(tunnel_key n1 wt0)" next-public-key "$stranger" \
		peer "$stranger" allowed-ips 10.99.0.0/24
	expect_error "its public key is a peer's" ns n0 weft rotate wt0 private-key "$(tunnel_key_file n1 wt0)"
	expect_error "which ends a previous key" peer_set n0 wt0 n1 wt0 previous-public-key "$other"
	expect_eq "peers" "$(peer_count n0 wt0)" 2
	expect_eq "next keys" "$(ns n0 weft show wt0 next-keys | grep -c '(none)')" 2
	flows n0 10.9.0.2
}

# Each end initiates with its new key before the other is configured with it; the retries continue until both are
# configured.
both_at_once() {
	local old0 old1 new0 new1

	mesh_create 2
	new_key n0.1
	new_key n1.1
	old0=$(tunnel_key n0 wt0)
	old1=$(tunnel_key n1 wt0)
	# Initiations are at least 5 s apart: without this pause the next one would be delayed.
	pause 6
	new0=$(ns n0 weft rotate wt0 private-key "$(key_file n0.1)")
	new1=$(ns n1 weft rotate wt0 private-key "$(key_file n1.1)")
	ns n1 weft set wt0 peer "$old0" next-public-key "$new0"
	ns n0 weft set wt0 peer "$old1" next-public-key "$new1"
	wait_for 30 has_peers n0 "$new1"
	wait_for 5 has_peers n1 "$new0"
	flows n1 10.9.0.1
	expect ns n0 weft rotate wt0 finish
	expect ns n1 weft rotate wt0 finish
	flows n0 10.9.0.2
}

# The device's current key, a key during another rotation, and a device without a key.
begin_refused() {
	local key

	mesh_create 2
	new_key next
	new_key third
	key=$(key_file next)
	expect_error "has it already" ns n0 weft rotate wt0 private-key "$(tunnel_key_file n0 wt0)"
	expect ns n0 weft rotate wt0 private-key "$key"
	expect_error "has not ended" ns n0 weft rotate wt0 private-key "$(key_file third)"
	expect shows n0 public-key "$(public_key next)"
	expect ns n0 weft rotate wt0 undo
	ns_ip n0 link add wt9 type weft
	expect_error "no private key to replace" ns n0 weft rotate wt9 private-key "$key"
	flows n0 10.9.0.2
}

file_key() { # file_key FIELD
	sed -n "s/^$1 = //p" /etc/weft/wt0.conf
}

# The machine reboots: the kernel's state is lost.
reboot_n0() {
	ns n0 weft down wt0 2>/dev/null || true
	expect ns n0 weft up wt0
}

# n1 detects that its session has ended.
recovers() {
	wait_for 40 ns n1 ping -n -q -c 1 -W 1 10.9.0.1
	flows n0 10.9.0.2
}

# n1 is not reconfigured, and has only the first key.
stopped_anywhere() {
	local old delay first

	mesh_underlay_create 2
	tunnel_create n1 wt0 10.9.0.2/24
	new_key n0.wt0
	echo weft >"$lib_work/kinds/n0.wt0"
	old=$(tunnel_key n0 wt0)
	peer_add n1 wt0 n0 wt0 10.9.0.1/32 endpoint 192.0.2.1:51820
	mkdir -p /etc/weft
	umask 077
	cat >/etc/weft/wt0.conf <<-END
		# of a machine that is stopped now and then
		[Interface]
		Address = 10.9.0.1/24
		ListenPort = 51820
		PrivateKey = $(<"$(tunnel_key_file n0 wt0)")
		[Peer]
		PublicKey = $(tunnel_key n1 wt0)
		AllowedIPs = 10.9.0.2/32
		Endpoint = 192.0.2.2:51820
	END
	umask 022
	defer rm -rf /etc/weft
	expect ns n0 weft up wt0
	defer ns n0 weft down wt0
	flows n1 10.9.0.1
	for delay in 0.003 0.006 0.009 0.012 0.02; do
		ns n0 timeout -s KILL "$delay" weft rotate wt0 >/dev/null || true
		note "after $delay s: the file has another key: $([ "$(file_key PrivateKey)" = "$(<"$(tunnel_key_file n0 wt0)")" ] || echo yes), the kernel: $(shows n0 public-key "$old" || echo yes)"
		reboot_n0
		recovers
		ns n0 weft rotate wt0 undo >/dev/null || true
		expect shows n0 public-key "$old"
		expect_eq "key in the file" "$(file_key PrivateKey)" "$(<"$(tunnel_key_file n0 wt0)")"
		expect_eq "previous key in the file" "$(file_key PreviousPrivateKey)" ''
	done
	# As if stopped in between: the file is written, the kernel is not configured. A second try uses the same key.
	first=$(ns n0 weft rotate wt0)
	cp -p /etc/weft/wt0.conf "$lib_work/both.conf"
	expect ns n0 weft rotate wt0 undo
	cp -p "$lib_work/both.conf" /etc/weft/wt0.conf
	expect_eq "the key of the second try" "$(ns n0 weft rotate wt0 grace 3600)" "$first"
	expect grep -q '^# of a machine' /etc/weft/wt0.conf
	expect_ge "end of the grace" "$(file_key GraceUntil)" "$(($(date +%s) + 3500))"
	expect ns n0 weft save wt0
	expect_ne "previous key that is saved" "$(file_key PreviousPrivateKey)" ''
	reboot_n0
	expect shows n0 public-key "$first"
	expect shows n0 previous-public-key "$old"
	recovers
	expect ns n0 weft rotate wt0 finish
	expect_eq "previous key in the file" "$(file_key PreviousPrivateKey)" ''
	reboot_n0
	expect shows n0 previous-public-key '(none)'
	holds_for 40 expect_fail ns n1 ping -n -q -c 1 -W 1 10.9.0.1
}

stranger=$(printf 'n%.0s' {1..42})s=

run_case "five nodes, several rounds, not one packet is lost" mesh_is_rotated
run_case "with an in-tree node that follows later" in_tree_among_them
run_case "the old key is gone from memory" old_key_is_forgotten
run_case "two nodes that rotate at once" both_at_once
run_case "a rotation is undone, before and after peers followed" goes_back
run_case "a grace ends by time, by hand, or not at all" grace_ends
run_case "preshared keys" preshared_rotates
run_case "preshared keys with an in-tree peer" preshared_with_in_tree
run_case "a peer is configured by any of its keys" called_by_each_key
run_case "keys that are refused" refused
run_case "rotations that are refused" begin_refused
run_case "interrupted at any point, and restarted" stopped_anywhere
