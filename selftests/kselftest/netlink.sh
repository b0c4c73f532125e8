#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The netlink family, with messages built byte by byte by netlink.py: an invalid message is refused with a text and the
# offset of the bad attribute, and has no effect; a valid message is applied.
#
#	 namespace a: wt0, and wt1 beside it, for the fuzzer        namespace g, a user's own: wt0 made here, or moved here
. "$(dirname "$0")/lib.sh"

pair_create
session_up a wt0 b wt0 10.9.0.2
ns_ip a link add wt1 type "$KIND"
defer ns_ip a link del wt1
ns_create t
tunnel_create t wt0
tunnel_set t wt0 fwmark 5 peer AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQI= allowed-ips 10.1.0.0/16,fd00::/32 endpoint 192.0.2.7:7 \
	persistent-keepalive 21 preshared-key "$(psk_file one)"
ns_ip t link set wt0 down

netlink_case() { # netlink_case CASE [NAMESPACE]
	local name=${2:-t}

	expect ns "$name" python3 "$test_dir/netlink.py" "$1"
}

wiped_case() {
	skip_unless_readable
	netlink_case wiped
}

# On a slow machine the messages take longer than a session lasts. Each series of kernels has other messages.
fuzz() {
	local handshake seed

	seed=$(uname -r | tr -dc 0-9)
	note "seed $seed"

	handshake=$(peer_field a wt0 b wt0 handshake)
	ns_run fuzz a env FUZZ_DEVICE=wt1 FUZZ_COUNT="$(sized 20000 6000 5000)" FUZZ_SEED="$seed" \
		python3 "$test_dir/netlink.py" fuzz
	ns a ping -q -n -i 0.2 -c 50 -W 20 10.9.0.2 >"$lib_work/ping"
	ns_wait fuzz 600 || fail "$(cat "$(ns_output fuzz)")"
	cat "$(ns_output fuzz)"
	expect_match "pings beside the fuzzer" "$(cat "$lib_work/ping")" ' 0% packet loss'
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	[ "$SLOW" -gt 1 ] || expect_eq "latest handshake" "$(peer_field a wt0 b wt0 handshake)" "$handshake"
}

# A network namespace owned by another user namespace: that user creates it, and it gets a name here.
user_ns_create() { # user_ns_create NAME
	setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user --net sleep 10000 </dev/null >/dev/null 2>&1 {lib_out}>&- &
	echo $! >"$lib_work/user-ns-pid"
	defer kill $!
	wait_for 10 owned_by_user
	ip netns attach "$(ns_name "$1")" "$(cat "$lib_work/user-ns-pid")"
	defer ns_delete "$1"
}

owned_by_user() {
	local pid

	pid=$(cat "$lib_work/user-ns-pid")
	[ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] && [ "$(cat "/proc/$pid/comm")" = sleep ]
}

in_user_ns() { # in_user_ns COMMAND...: as that user, root in its namespaces and in no other
	local nets

	nets=$(cat "$lib_work/user-ns-pid")
	nsenter --user --net --target "$nets" --preserve-credentials --setuid 0 --setgid 0 "$@"
}

moved_to_user() {
	user_ns_create g
	ns_create h
	ns_ip h link add wt0 type "$KIND"
	ns h "$WEFT" set wt0 listen-port 51820
	ns_ip h link set wt0 netns "$(ns_name g)"
	expect in_user_ns python3 "$test_dir/netlink.py" guest
	expect_eq "port and mark" "$(ns g "$WEFT" show wt0 dump | awk 'NR == 1 { print $3, $4 }')" "51820 off"
	ns_ip g link del wt0
}

made_by_user() {
	user_ns_create g
	expect in_user_ns ip link add wt0 type "$KIND"
	expect in_user_ns python3 "$test_dir/netlink.py" owner
	ns_ip g link del wt0
}

# The command reports the kernel's refusals.
with_command() {
	local before after

	before=$(ns t "$WEFT" show wt0 dump)
	expect_fail ns t "$WEFT" set wt0 fwmark 99 peer AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQI= allowed-ips 10.0.0.0/33
	expect_fail ns t "$WEFT" set nosuch0 fwmark 99
	expect_fail ns t "$WEFT" set lo fwmark 99
	expect_fail ns t setpriv --reuid 65534 --regid 65534 --clear-groups "$WEFT" set wt0 fwmark 99
	expect_fail ns t setpriv --reuid 65534 --regid 65534 --clear-groups "$WEFT" show wt0
	after=$(ns t "$WEFT" show wt0 dump)
	expect_eq "the device" "$after" "$before"
	ns t "$WEFT" set wt0 peer AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQI= remove fwmark 0 2>/dev/null ||
		ns t "$WEFT" set wt0 fwmark 0 peer AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQI= remove
	expect_eq "peers" "$(peer_count t wt0)" 0
}

taken_port() {
	local port=$1

	ns_ip t link set wt0 up
	defer ns_ip t link set wt0 down
	ns_run holder t socat -u "UDP-LISTEN:$port" -
	wait_for 10 listening "$port"
	local before
	before=$(ns t "$WEFT" show wt0 dump)
	expect_fail ns t "$WEFT" set wt0 listen-port "$port" fwmark 77
	expect_eq "the device" "$(ns t "$WEFT" show wt0 dump)" "$before"
}

listening() {
	[ -n "$(ns t ss -Hnlu "sport = :$1")" ]
}

run_case "attributes of every wrong length" netlink_case lengths
run_case "invalid endpoints and allowed IPs" netlink_case addresses
run_case "unknown flags, attributes, commands and versions" netlink_case unknown
run_case "interfaces of other kinds, or absent" netlink_case interfaces
run_case "malformed messages" netlink_case shapes
run_case "without privileges" netlink_case unprivileged
run_case "a port in use" taken_port 7070
run_case "refusals reported by the command" with_command
run_case "settings are read back" netlink_case values
run_case "keys are wiped from messages" wiped_case
run_case "replace, remove and update" netlink_case flags
places() {
	skip_unless_weft
	netlink_case places
}
run_case "candidates, and bindings of sockets" places
run_case "allowed IPs, added and removed" netlink_case allowed
run_case "a link that was moved to a user's namespace" moved_to_user
run_case "a link that was made in a user's namespace" made_by_user
run_case "mutated messages" fuzz
