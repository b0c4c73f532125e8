#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by the tests in the booted machine: selftests/kselftest/lib.sh, and functions for them. A test is a script
# beside this file; its argument is 1, and one more after each reboot.
#
#   reboot_then             ends this call of the test: the machine reboots and calls it again
#   far_create KEY          a namespace "far" at 192.0.2.2 that this machine reaches through the link near0, 192.0.2.1;
#                           in it a tunnel wt0, 10.77.0.2, with this machine's public KEY as peer 10.77.0.1, at port 51820
#   far_key                 the far tunnel's public key, the same in all calls
#   near_configuration FILE   a file for wg-quick, by which this machine is the far tunnel's peer
#   tunnel_works            the far tunnel answers
#   link_absent NAME        there is no such link
#   unit_case NAME FUNCTION   run_case; after a failure, the journal of weft's units
#   fleet_create NAME ADDRESS [WORDS OF init...]   a fleet of this machine alone, applied; its store and key are in /weft
#   compat_on               loads weft in place of the kernel's own wireguard; the functions after it check that

# The library loads the module of KIND: here the tests have weft loaded by other programs, so KIND is a harmless
# module.
KIND=veth WEFT=weft
# shellcheck source=selftests/kselftest/lib.sh
. /weft/lib.sh

# Each ping enables receive timestamps, and the first and the last user of those make the kernel patch code that both
# CPUs run, which an emulated CPU may execute half patched (run/vm/guest.sh): one ping runs all the time.
ping -q -i 3600 127.0.0.1 </dev/null >/dev/null 2>&1 {lib_out}>&- &
defer kill $!

keys=/weft/keys
mkdir -p $keys
umask 077
for name in near far; do
	[ -s $keys/$name ] || weft genkey >$keys/$name
done
umask 022

reboot_then() {
	trap - EXIT
	undo_deferred 0
	echo "1..$case_number"
	rm -rf "$lib_work"
	exit 75
}

near_key() {
	weft pubkey <$keys/near
}

far_key() {
	weft pubkey <$keys/far
}

far_create() {
	ns_create far
	ip link add near0 type veth peer name far0 netns "$(ns_name far)"
	defer ip link del near0
	ip addr add 192.0.2.1/24 dev near0
	ip link set near0 up
	ns_ip far addr add 192.0.2.2/24 dev far0
	ns_ip far link set far0 up
	ns_ip far link add wt0 type weft
	ns_ip far addr add 10.77.0.2/24 dev wt0
	ns far weft set wt0 listen-port 51820 private-key $keys/far peer "$(near_key)" allowed-ips 10.77.0.1/32 \
		endpoint 192.0.2.1:51820
	ns_ip far link set wt0 up
}

near_configuration() { # near_configuration FILE
	(umask 077; cat >"$1") <<-CONF
		[Interface]
		PrivateKey = $(cat $keys/near)
		ListenPort = 51820
		Address = 10.77.0.1/24

		[Peer]
		PublicKey = $(far_key)
		AllowedIPs = 10.77.0.2/32
		Endpoint = 192.0.2.2:51820
	CONF
}

tunnel_works() {
	expect ping -n -c 2 -i 0.3 -W 20 10.77.0.2
}

link_absent() {
	! ip link show dev "$1" >/dev/null 2>&1
}

# The journal has the reason of a unit's failure.
unit_case() { # unit_case NAME FUNCTION
	local before=$case_failed

	run_case "$@"
	[ "$case_failed" = "$before" ] || journalctl --no-pager -b -u 'weft*' -n 30 | sed 's/^/# /'
}

# ---- fleets ----

# A value of the one object, a string that has no escapes but those of slashes.
field() { # field NAME
	sed -n -e 's,\\/,/,g' -e 's/.*"'"$1"'": *"\([^"\\]*\)".*/\1/p'
}

fleet_create() { # fleet_create NAME ADDRESS [WORDS OF init...]
	local store=/weft/$1 key=/weft/$1.key admin identity

	admin=$(weft -j fleet init "$1" store "$store" admin-key "$key" "${@:3}" | field admin)
	identity=$(weft -j fleet hello "$1" node this admins "$admin" | field identity)
	expect weft fleet admit store "$store" admin-key "$key" node this identity "$identity" address "$2"
	weft fleet hello "$1" serial 1 >"$store.hello"
	expect weft fleet put store "$store" from "$store.hello"
	weft fleet bundle store "$store" >"$store.bundle"
	expect weft fleet apply "$1" "$store.bundle"
}

# ---- in place of the kernel's own wireguard ----

compat_on() {
	[ ! -e /sys/module/weft ] || expect modprobe -r weft
	expect modprobe weft compat=1
}

# The interface is weft's, whichever program created it.
served_by_weft() { # served_by_weft DEV
	expect test ! -e /sys/module/wireguard
	expect_match "the kind" "$(ip -d link show dev "$1")" wireguard
	expect_match "the driver" "$(weft show interfaces)" "$1"
}

has_peers() { # has_peers DEV NUMBER
	[ "$(wg show "$1" peers | wc -l)" = "$2" ]
}

# wg and weft print the same.
same_dump() { # same_dump DEV
	expect_eq "weft's dump" "$(weft show "$1" dump)" "$(wg show "$1" dump)"
	expect_eq "weft's file" "$(weft showconf "$1")" "$(wg showconf "$1")"
}

other_key() {
	wg genkey | wg pubkey
}
