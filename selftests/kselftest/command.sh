#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The command weft with a kernel: on an in-tree wireguard interface its output equals that of wg(8), byte for byte, and so
# does its configuration; syncconf leaves sessions alone; refused changes have no effect; dumps of any size are read.
# series: 6.12
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
#	 wt1, not up
#
#	 namespace c: wg0 and wg1, in-tree wireguard for any kind under test, for comparison
. "$(dirname "$0")/lib.sh"

FIELDS="public-key private-key listen-port fwmark peers preshared-keys endpoints allowed-ips latest-handshakes
	persistent-keepalive transfer dump"

files=$(mktemp -d)
defer rm -rf "$files"
umask 077

# wg prints the interface once in "show all endpoints", not on each line as it documents: the command is left out.
same_everywhere() {
	local field

	for field in $FIELDS; do
		same_output c show "$1" "$field"
		[ "$field" = endpoints ] || same_output c show all "$field"
	done
	same_output c show "$1"
	same_output c showconf "$1"
	WG_HIDE_KEYS=never same_output c show "$1"
	WG_COLOR_MODE=always same_output c show "$1"
}

# A configuration with every setting.
make_conf() {
	cat >"$files/full.conf" <<-END
		# everything
		[Interface]
		PrivateKey = $(cat "$(key_file full)")
		ListenPort = 4711
		FwMark = 0xca6c
		[Peer]
		PublicKey = $(public_key one)
		PresharedKey = $(cat "$(psk_file one)")
		AllowedIPs = 10.1.0.0/16, fd00::/64
		AllowedIPs = 0.0.0.0/0,::/0
		Endpoint = 192.0.2.9:1234
		PersistentKeepalive = 25
		[Peer]
		PublicKey = $(public_key two)
		Endpoint = [2001:db8::9]:51820
		PersistentKeepalive = 3661
		[Peer]
		PublicKey = $(public_key three)
		AllowedIPs = 10.2.0.1
	END
}

compare_empty() {
	same_everywhere wg0
}

compare_full() {
	ns c weft setconf wg0 "$files/full.conf"
	ns c wg setconf wg1 "$files/full.conf"
	expect_eq "configuration set by each command" "$(ns c wg showconf wg0)" "$(ns c wg showconf wg1)"
	ns c weft set wg1 listen-port 4712
	same_everywhere wg0
	same_output c show
	same_output c show interfaces
}

has_handshake() {
	ns c wg show wg0 latest-handshakes | grep -F "$1	1" >/dev/null
}

# A session between wg0 and wg1 of one namespace, for ages and counters.
compare_session() {
	local one two

	ns c weft set wg0 private-key "$(key_file session)" peer "$(ns c weft show wg1 public-key)" \
		endpoint 127.0.0.1:4712 persistent-keepalive 1
	one=$(ns c weft show wg0 public-key)
	two=$(ns c weft show wg1 public-key)
	ns c weft set wg1 peer "$one" endpoint 127.0.0.1:4711
	ns_ip c link set wg0 up
	ns_ip c link set wg1 up
	wait_for 20 has_handshake "$two"
	# On a slow machine keepalives change the counters between the two calls.
	[ "$SLOW" = 1 ] || ns c weft set wg0 peer "$two" persistent-keepalive off
	same_everywhere wg0
	same_everywhere wg1
}

# numbered_peers: $1 peers with two prefixes each, and one with $2 prefixes. Any 32 bytes are a public key.
numbered_peers() {
	python3 - "$1" "$2" <<-'END'
		import base64, sys
		for i in range(1, int(sys.argv[1]) + 1):
		    key = base64.b64encode(i.to_bytes(4, "big") + bytes(27) + b"\1").decode()
		    print(f"[Peer]\nPublicKey = {key}")
		    print(f"AllowedIPs = 10.{i >> 16}.{i >> 8 & 255}.{i & 255}/32, fd00::{i:x}/128")
		last = base64.b64encode(bytes([255] * 32)).decode()
		print(f"[Peer]\nPublicKey = {last}")
		ips = (f"11.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(int(sys.argv[2])))
		print("AllowedIPs =", ", ".join(ips))
	END
}

compare_many() {
	ns_ip c link set wg0 down
	ns_ip c link set wg1 down
	ns c weft setconf wg0 "$files/many.conf"
	ns c wg setconf wg1 "$files/many.conf"
	ns c wg showconf wg0 | grep -v ^ListenPort >"$files/0"
	ns c wg showconf wg1 | grep -v ^ListenPort >"$files/1"
	expect cmp "$files/0" "$files/1"
	expect_eq "peers" "$(ns c weft show wg0 peers | wc -l)" 301
	same_output c show wg0 dump
	same_output c show wg0
	same_output c showconf wg0
}

# The same for the kind under test: the dump equals the configuration.
many_round_trip() {
	sed -n 's/^AllowedIPs = //p' "$files/many.conf" | tr -d ' ' | tr ',' '\n' |
		sed 's,^[^/]*$,&/32,' | sort >"$files/in"
	ns a weft setconf wt1 "$files/many.conf"
	ns a weft show wt1 allowed-ips | cut -f2 | tr ' ' '\n' | sort >"$files/out"
	expect cmp "$files/in" "$files/out"
	expect_eq "a sync with itself" "$(ns a weft syncconf wt1 "$files/many.conf" 2>&1)" ""
	ns a weft setconf wt1 /dev/null
	expect_eq "peers left" "$(ns a weft show wt1 peers | wc -l)" 0
}

# A dump during changes has every peer that is not removed.
dump_under_change() {
	local i key

	ns a weft setconf wt1 "$files/many.conf"
	key=$(public_key one)
	for i in 1 2 3 4 5 6; do
		ns a weft set wt1 peer "$key"
		ns a weft set wt1 peer "$key" remove
	done &
	for i in 1 2 3; do
		ns a weft show wt1 peers | grep -vxF "$key" >"$files/peers"
		expect_eq "peers in dump $i" "$(sort -u "$files/peers" | wc -l)" 301
	done
	wait
}

sync_keeps_session() {
	local before

	session_up a wt0 b wt0 10.9.0.2
	before=$(peer_field a wt0 b wt0 handshake)
	ns a weft showconf wt0 >"$files/sync.conf"
	printf '\n[Peer]\nPublicKey = %s\nAllowedIPs = 10.77.0.0/16\n' "$(public_key two)" >>"$files/sync.conf"
	capture_start sync a va "$(type_filter 1)"
	ns a weft syncconf wt0 "$files/sync.conf"
	expect_eq "peers" "$(peer_count a wt0)" 2
	expect ns a ping -n -c 2 -i 0.2 -W 5 10.9.0.2
	capture_stop sync
	expect_eq "new handshakes" "$(capture_count sync)" 0
	expect_eq "time of the last handshake" "$(peer_field a wt0 b wt0 handshake)" "$before"
}

# syncconf removes a preshared key and a keepalive that the file lacks.
sync_removes() {
	ns a weft set wt1 peer "$(public_key one)" preshared-key "$(psk_file one)" persistent-keepalive 9 \
		allowed-ips 10.3.0.0/16,10.4.0.0/16
	printf '[Peer]\nPublicKey = %s\nAllowedIPs = 10.4.0.0/16\n' "$(public_key one)" >"$files/less.conf"
	ns a weft syncconf wt1 "$files/less.conf"
	expect_eq "remaining settings" "$(ns a weft show wt1 dump | tail -n +2)" \
		"$(printf '%s\t(none)\t(none)\t10.4.0.0/16\t0\t0\t0\toff' "$(public_key one)")"
}

single_prefixes() {
	skip_unless_weft
	ns a weft setconf wt1 "$files/less.conf"
	ns a weft set wt1 peer "$(public_key one)" allowed-ips +10.5.0.0/16
	ns a weft set wt1 peer "$(public_key one)" allowed-ips -10.4.0.0/16,+10.6.0.0/16
	expect_eq "prefixes" "$(ns a weft show wt1 allowed-ips | cut -f2 | tr ' ' '\n' | sort | xargs)" \
		"10.5.0.0/16 10.6.0.0/16"
}

# All fields but the latest handshake and the counters, which keepalives change.
settings() {
	ns a weft show all dump | cut -f 1-5,9
}

# $1: the expected error; the rest: a command that must have no effect.
refused() {
	local text=$1 before

	shift
	before=$(settings)
	expect_error "$text" ns a weft "$@"
	expect_eq "the interfaces after a refusal" "$(settings)" "$before"
}

refusals() {
	printf '[Interface]\nListenPort = 7\n[Peer]\nPublicKey = x\n' >"$files/bad.conf"
	refused "bad.conf:4: PublicKey: 'x'" setconf wt1 "$files/bad.conf"
	refused "bad.conf:4: PublicKey: 'x'" syncconf wt1 "$files/bad.conf"
	refused "bad.conf:4: PublicKey: 'x'" addconf wt1 "$files/bad.conf"
	refused "'70000' is not a port" set wt1 fwmark 9 listen-port 70000
	refused "the link is of kind 'veth', not weft or wireguard" set va listen-port 7
	refused "No such device" set nosuch0 listen-port 7
	refused "cannot open '/nonexistent'" set wt1 fwmark 9 private-key /nonexistent
}

# The kernel's own refusal reaches the user: two sockets on one port.
kernel_refusal() {
	ns a weft set wt1 listen-port 51999
	ns_ip a link set wt1 up
	if [ "${MODULE-$KIND}" = weft ]; then
		refused "another socket has UDP port" set wt1 listen-port 51820
	else
		refused "Address already in use" set wt1 listen-port 51820
	fi
	ns_ip a link set wt1 down
}

json() {
	ns a weft setconf wt1 /dev/null
	ns a weft show all -j >"$files/json"
	expect python3 -c "
import json, sys
devices = {d['interface']: d for d in json.load(open(sys.argv[1]))}
assert devices['wt0']['kind'] == '$KIND', devices['wt0']['kind']
assert devices['wt0']['private-key'] == '(hidden)'
assert devices['wt0']['listen-port'] == 51820
assert devices['wt1']['peers'] == []
" "$files/json"
}

# Down, and without a listen port, so that they do not conflict with wt0.
spare_create() { # spare_create KIND NS DEV
	ns_ip "$2" link add "$3" type "$1"
	defer ns_ip "$2" link del "$3"
}

# shellcheck disable=SC2119 # without arguments both ends are of the kind under test
pair_create
for name in full one two three session; do
	new_key "$name"
done
ns_create c
spare_create wireguard c wg0
spare_create wireguard c wg1
spare_create "$KIND" a wt1
make_conf
numbered_peers 300 5000 >"$files/many.conf"

run_case "an interface without peers prints as wg prints it" compare_empty
run_case "setconf sets what wg sets, and all of it prints alike" compare_full
run_case "ages and counters print alike" compare_session
run_case "300 peers, and 5,000 prefixes of one, are set and print alike" compare_many
run_case "300 peers and 5,000 prefixes are read back from the kind under test" many_round_trip
run_case "a dump during changes is complete" dump_under_change
run_case "syncconf keeps a session" sync_keeps_session
run_case "syncconf removes a preshared key, a keepalive, a prefix" sync_removes
run_case "single prefixes are added and removed" single_prefixes
run_case "a refused command changes nothing" refusals
run_case "the kernel's refusal is repeated" kernel_refusal
run_case "JSON of every interface" json
