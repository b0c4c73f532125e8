#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The link moves between namespaces, and its sockets stay in the one it was created in. The kernel frees a deleted
# namespace only after the links in it: the far end of its veth pair is removed with it.
#
#	 namespace home          namespace away          namespace b
#	 vh 192.0.2.1            wt0 10.9.0.1            wt0 10.9.0.2
#	   |                     (made in home)            |
#	   +--------------------- veth -------------------- vh-b 192.0.2.2
# series: 6.1
. "$(dirname "$0")/lib.sh"

# A home namespace with a veth pair to b; the far end has its name.
home_create() { # home_create NAME NUMBER
	# The kernel deletes the namespaces of an earlier case in the background.
	wait_for 10 gone "$1"
	ns_create "$1"
	veth_link "$1" "v$1" b "v$1-b"
	addr_add "$1" "v$1" "192.0.2$2.1/24" "2001:db8:$2::1/64"
	addr_add b "v$1-b" "192.0.2$2.2/24" "2001:db8:$2::2/64"
}

# A tunnel made in HOME, moved to AWAY and up there; its far end is b's wtN.
moved_tunnel() { # moved_tunnel HOME AWAY NUMBER [FAMILY]
	local endpoint=192.0.2$3.2:700$3

	[ "${4:-4}" = 4 ] || endpoint="[2001:db8:$3::2]:700$3"
	ns_ip "$1" link add "wt$3" type "$KIND"
	echo "$KIND" >"$lib_work/kinds/$2.wt$3"
	new_key "$2.wt$3"
	ns_ip "$1" link set "wt$3" netns "$(ns_name "$2")"
	defer ns_ip "$2" link del "wt$3"
	tunnel_set "$2" "wt$3" listen-port 51820 private-key "$(tunnel_key_file "$2" "wt$3")"
	addr_add "$2" "wt$3" "10.9.$3.1/24"
	ns_ip "$2" link set "wt$3" up
	tunnel_create b "wt$3" "10.9.$3.2/24"
	tunnel_set b "wt$3" listen-port "700$3"
	peer_add "$2" "wt$3" b "wt$3" "10.9.$3.2/32" endpoint "$endpoint"
	peer_add b "wt$3" "$2" "wt$3" "10.9.$3.1/32"
}

many=$(scaled 200 40)

bound() { # bound NS PORT
	ns "$1" ss -Huln "sport = :$2" | wc -l
}

# The kernel drops the last reference to a namespace in the background.
gone() { # gone HOME: the far end of its veth pair is removed
	! ns_ip b link show "v$1-b"
}

ns_remove() { # ns_remove NAME: deletes only the name; unlike ns_delete, it kills no process
	ip netns delete "$(ns_name "$1")"
}

sockets_stay() {
	home_create home 1
	ns_create away
	moved_tunnel home away 1
	expect ns away ping -n -c 2 -i 0.2 -W 5 10.9.1.2
	expect_eq "sockets at home" "$(bound home 51820)" 2
	expect_eq "sockets away" "$(bound away 51820)" 0
	tunnel_set away wt1 listen-port 6001
	expect_eq "sockets at home, new port" "$(bound home 6001)/$(bound home 51820)" 2/0
	ns_ip away link set wt1 down
	expect_eq "sockets at home, link down" "$(bound home 6001)" 0
	ns_ip away link set wt1 up
	expect_eq "sockets at home, link up again" "$(bound home 6001)/$(bound away 6001)" 2/0
	expect ns away ping -n -c 1 -W 7 10.9.1.2
	transfer away b 10.9.1.2 300000
}

# The link moves through three namespaces and back, and keeps its session.
travels() {
	local name last=away

	home_create home 1
	ns_create away away2
	moved_tunnel home away 1
	session_up away wt1 b wt1 10.9.1.2
	capture_start travel b vhome-b "$(type_filter 1)"
	for name in away2 home; do
		ns_ip $last link set wt1 netns "$(ns_name $name)"
		addr_add $name wt1 10.9.1.1/24
		defer ns_ip $name link del wt1
		ns_ip $name link set wt1 up
		expect ns $name ping -n -c 1 -W 7 10.9.1.2
		last=$name
	done
	capture_stop travel
	expect_eq "handshakes, for going down and up" "$(capture_count travel)" 2
}

# The link moves from the initial namespace to another and back.
init_namespace() {
	ns_create away
	ip link add vinit type veth peer name vinit-b netns "$(ns_name b)"
	defer ip link del vinit
	ip addr add 192.0.29.1/24 dev vinit
	ip link set vinit up
	ns_ip b link set vinit-b up
	addr_add b vinit-b 192.0.29.2/24
	tunnel_create b wt9 10.9.9.2/24
	tunnel_set b wt9 listen-port 7009
	ip link add wt9 type "$KIND"
	defer ip link del wt9
	ip link set wt9 netns "$(ns_name away)"
	new_key away.wt9
	echo "$KIND" >"$lib_work/kinds/away.wt9"
	tunnel_set away wt9 private-key "$(tunnel_key_file away wt9)"
	peer_add away wt9 b wt9 10.9.9.2/32 endpoint 192.0.29.2:7009
	peer_add b wt9 away wt9 10.9.9.1/32
	addr_add away wt9 10.9.9.1/24
	ns_ip away link set wt9 up
	expect ns away ping -n -c 1 -W 5 10.9.9.2
	ns_ip away link set wt9 netns 1
	ip addr add 10.9.9.1/24 dev wt9
	ip link set wt9 up
	expect ping -n -c 1 -W 7 10.9.9.2
}

carrier() { # carrier NS DEV
	link_file "$1" "$2" carrier
}

carrier_is_off() {
	[ "$(carrier "$@")" = 0 ]
}

# Routes and sockets of the link must not keep its home namespace alive, nor block its deletion.
home_deleted() { # home_deleted FAMILY
	home_create home 1
	ns_create away
	moved_tunnel home away 1 "$1"
	session_up away wt1 b wt1 10.9.1.2
	expect_eq "carrier" "$(carrier away wt1)" 1
	ns_run flood away ping -n -i 0.01 -W 1 10.9.1.2
	ns_remove home
	wait_for 20 gone home
	wait_for 5 carrier_is_off away wt1
	expect_fail ns away ping -n -c 3 -i 0.2 -W 1 10.9.1.2
	ns_stop flood INT
	orphan_refuses
}

# A link whose home namespace was deleted can be dumped and removed; operations that need a socket fail.
orphan_refuses() {
	expect_eq "peers" "$(peer_count away wt1)" 1
	peer_set away wt1 b wt1 endpoint 192.0.21.2:9 persistent-keepalive 1
	expect_fail tunnel_set away wt1 listen-port 6002
	ns_ip away link set wt1 down
	expect_error "Machine is not on the network" ns_ip away link set wt1 up
	expect_eq "link" "$(ns_ip away -brief link show wt1 up)" ""
	peer_remove away wt1 b wt1
	expect_eq "peers" "$(peer_count away wt1)" 0
}

deleted_under_traffic() {
	home_create home 1
	tunnel_create b wt1 10.9.1.2/24
	tunnel_create home wt1 10.9.1.1/24
	peer_add b wt1 home wt1 10.9.1.1/32 endpoint 192.0.21.1:51820
	peer_add home wt1 b wt1 10.9.1.2/32
	session_up b wt1 home wt1 10.9.1.1
	ns_run flood b ping -n -i 0.01 -W 1 10.9.1.1
	wait_for 10 link_received b wt1 5000
	ns_remove home
	wait_for 20 gone home
	ns_stop flood INT
	expect ns_ip b link del wt1
}

# A route holds its namespace: once its sockets are closed, a link's peers cache none. A deleted namespace has been
# freed when one that was deleted later has been freed.
routes_stay_at_home() { # routes_stay_at_home FAMILY
	home_create home 1
	ns_create away
	moved_tunnel home away 1 "$1"
	session_up away wt1 b wt1 10.9.1.2
	ns_ip away link set wt1 down
	ns_remove home
	wait_for 20 gone home
	home_create another 2
	ns_remove another
	wait_for 20 gone another
	peer_remove away wt1 b wt1
	expect_eq "peers" "$(peer_count away wt1)" 0
}

all_got_initiations() {
	[ "$(tunnel_tool away wt1 show wt1 transfer | awk '$3 > 0' | wc -l)" -gt "$many" ]
}

# The same for peers that are removed while the namespace is deleted. Each has been sent an initiation.
peers_leave_home() {
	local i key removals=()

	home_create home 1
	ns_create away
	moved_tunnel home away 1 6
	for ((i = 0; i < many; i++)); do
		key=$(printf '%032d' $i | base64)
		printf '[Peer]\nPublicKey = %s\nEndpoint = [2001:db8:1::2]:9\nPersistentKeepalive = 1\n' "$key"
		removals+=(peer "$key" remove)
	done >"$lib_work/peers.conf"
	session_up away wt1 b wt1 10.9.1.2
	tunnel_tool away wt1 addconf wt1 "$lib_work/peers.conf"
	wait_for 20 all_got_initiations
	tunnel_set away wt1 "${removals[@]}" &
	ns_remove home
	expect wait $!
	wait_for 20 gone home
	expect_eq "peers" "$(peer_count away wt1)" 1
}

# Each link's home is the other's namespace: neither must keep a namespace alive.
swapped() {
	home_create one 1
	home_create two 2
	moved_tunnel one two 1
	moved_tunnel two one 2 6
	session_up two wt1 b wt1 10.9.1.2
	session_up one wt2 b wt2 10.9.2.2
	ns_run flood1 b ping -n -i 0.01 -W 1 10.9.1.1
	ns_run flood2 b ping -n -i 0.01 -W 1 10.9.2.1
	ns_remove one
	ns_remove two
	wait_for 20 gone one
	wait_for 20 gone two
	ns_stop flood1 INT
	ns_stop flood2 INT
}

each_of_many() { # each_of_many WORDS...: a command of ip for each link, whose number stands for N
	local i

	for ((i = 0; i < many; i++)); do
		echo "${*//N/$i}"
	done
}

all_carriers_are_off() {
	[ "$(ns_ip away link show | grep -c 'many.*NO-CARRIER')" = "$many" ]
}

# All links lose their sockets together, without waiting for each other.
many_lose_their_home() {
	local start

	home_create home 1
	ns_create away
	each_of_many "link add manyN type $KIND" | ns_ip home -batch -
	each_of_many "link set manyN netns $(ns_name away)" | ns_ip home -batch -
	each_of_many "link set manyN up" | ns_ip away -batch -
	start=$(now_ms)
	ns_remove home
	wait_for 20 all_carriers_are_off
	note "$many links have lost their sockets after $(($(now_ms) - start)) ms"
	each_of_many "link del manyN" | ns_ip away -batch -
	wait_for 20 gone home
}

# The case before has undone its deferred commands, so that the names of its tunnels are free.
ns_create b
run_case "sockets stay where the link was made" sockets_stay
run_case "a link travels through namespaces" travels
run_case "a link leaves the initial namespace and returns" init_namespace
run_case "the home namespace is deleted, the link remains, over IPv4" home_deleted 4
run_case "the home namespace is deleted, the link remains, over IPv6" home_deleted 6
run_case "a link that is down has no routes of a deleted home, over IPv4" routes_stay_at_home 4
run_case "a link that is down has no routes of a deleted home, over IPv6" routes_stay_at_home 6
run_case "peers are removed while the home is deleted" peers_leave_home
run_case "a namespace is deleted under traffic" deleted_under_traffic
run_case "two links swapped namespaces, which are deleted" swapped
run_case "$many links lose their home at once" many_lose_their_home
