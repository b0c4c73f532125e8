#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unusual keys: of low order, the device's own, none, not clamped, zero.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

pair_create
session_up a wt0 b wt0 10.9.0.2
zeros=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

low_order_keys() {
	python3 - "$test_dir/../unit/vectors.json" <<-'END'
		import base64, json, sys
		for key in json.load(open(sys.argv[1]))["low_order_public_keys"]:
		    print(base64.b64encode(bytes.fromhex(key)).decode())
	END
}

bytes_sent_to() { # bytes_sent_to KEY
	tunnel_tool a wt0 show wt0 dump | awk -v key="$1" '$1 == key { print $7 }'
}

got_initiation() { # got_initiation KEY
	[ "$(bytes_sent_to "$1")" -ge 148 ]
}

# The peer with an ordinary key is contacted, which proves that the capture sees initiations.
low_order() {
	local key n=0 keys

	keys=$(low_order_keys)
	expect_ge "keys of low order" "$(wc -l <<<"$keys")" 7
	new_key ordinary
	capture_start low a va 'udp dst portrange 9000-9099'
	for key in $(public_key ordinary) $keys; do
		tunnel_set a wt0 peer "$key" endpoint "192.0.2.2:$((9000 + n))" allowed-ips "10.90.$n.0/24" persistent-keepalive 3
		defer tunnel_set a wt0 peer "$key" remove
		n=$((n + 1))
	done
	expect_eq "peers" "$(peer_count a wt0)" $((n + 1))
	for ((n = n - 1; n >= 0; n--)); do
		ns a bash -c "echo >/dev/udp/10.90.$n.1/9" || true
	done
	wait_for 30 got_initiation "$(public_key ordinary)"
	pause 16
	capture_stop low
	expect_ge "initiations to the ordinary key" "$(capture_count low 'dst port 9000')" 3
	expect_eq "anything sent to a key of low order" "$(capture_count low 'dst portrange 9001-9099')" 0
	for key in $keys; do
		expect_eq "handshake, received, sent" "$(tunnel_tool a wt0 show wt0 dump | awk -v k="$key" '$1 == k { print $5, $6, $7 }')" "0 0 0"
	done
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

# A peer with the device's own key is not added.
own_key_as_peer() {
	tunnel_set a wt0 peer "$(tunnel_key a wt0)" allowed-ips 10.91.0.0/24
	expect_eq "peers" "$(peer_count a wt0)" 1
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

peer_key_becomes_own() {
	new_key later
	tunnel_set a wt0 peer "$(public_key later)" allowed-ips 10.92.0.0/24
	expect_eq "peers before" "$(peer_count a wt0)" 2
	tunnel_set a wt0 private-key "$(key_file later)"
	defer tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
	expect_eq "peers after" "$(peer_count a wt0)" 1
	expect_eq "public key" "$(device_field a wt0 public)" "$(public_key later)"
}

# One message: the key, and a peer with the public half of it.
own_key_in_one_message() {
	ns_ip a link add wt5 type "$KIND"
	defer ns_ip a link del wt5
	ns a "$WEFT" set wt5 private-key "$(tunnel_key_file a wt0)" peer "$(tunnel_key a wt0)" allowed-ips 10.93.0.0/24 \
		peer "$(tunnel_key b wt0)" allowed-ips 10.93.0.0/24
	expect_eq "peers" "$(ns a "$WEFT" show wt5 peers)" "$(tunnel_key b wt0)"
}

pings() {
	ns a ping -n -c 1 -W 1 10.9.0.2
}

# Sessions end with the private key that they were negotiated under; once the key is restored, the tunnel works as
# before.
no_private_key() {
	echo "$zeros" >"$lib_work/zeros"
	expect pings
	tunnel_set a wt0 private-key "$lib_work/zeros"
	defer tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
	expect_eq "private and public key" "$(device_field a wt0 private) $(device_field a wt0 public)" "(none) (none)"
	capture_start none a va 'udp and src host 192.0.2.1'
	expect_fail ns a ping -n -c 3 -i 0.5 -W 1 10.9.0.2
	pause 12
	capture_stop none
	expect_eq "messages sent without a key" "$(capture_count none)" 0
	tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
	wait_for 20 pings
}

key_changed() {
	new_key changed
	expect pings
	tunnel_set a wt0 private-key "$(key_file changed)"
	defer tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
	capture_start changed a va "$(type_filter 4) and src host 192.0.2.1"
	expect_fail ns a ping -n -c 3 -i 0.5 -W 1 10.9.0.2
	capture_stop changed
	expect_eq "data sent under the old key's session" "$(capture_count changed)" 0
	tunnel_set b wt0 peer "$(public_key changed)" allowed-ips 10.9.0.1/32
	defer peer_add b wt0 a wt0 10.9.0.1/32,fd09::1/128
	defer tunnel_set b wt0 peer "$(public_key changed)" remove
	wait_for 20 pings
}

clamped() {
	local file=$lib_work/unclamped

	ns_ip a link add wt6 type "$KIND"
	defer ns_ip a link del wt6
	python3 -c 'import base64; print(base64.b64encode(b"\xff" * 32).decode())' >"$file"
	ns a "$WEFT" set wt6 private-key "$file"
	expect_eq "private key" "$(ns a "$WEFT" show wt6 private-key)" \
		"$(python3 -c 'import base64; print(base64.b64encode(b"\xf8" + b"\xff" * 30 + b"\x7f").decode())')"
	expect_eq "public key" "$(ns a "$WEFT" show wt6 public-key)" "$(wg pubkey <"$file")"
}

new_session() { # new_session: a restart of both links drops the session, and the next packet starts a handshake
	ns_ip a link set wt0 down
	ns_ip b link set wt0 down
	ns_ip a link set wt0 up
	ns_ip b link set wt0 up
}

# A preshared key of zeros is none.
zero_preshared() {
	echo "$zeros" >"$lib_work/zeros"
	peer_set a wt0 b wt0 preshared-key "$lib_work/zeros"
	expect_eq "preshared key" "$(peer_field a wt0 b wt0 psk)" "(none)"
	new_session
	wait_for 20 pings
}

preshared_differs() {
	defer peer_set a wt0 b wt0 preshared-key /dev/null
	defer peer_set b wt0 a wt0 preshared-key /dev/null
	peer_set a wt0 b wt0 preshared-key "$(psk_file one)"
	new_session
	expect_fail ns a ping -n -c 3 -i 2 -W 3 10.9.0.2
	expect_eq "latest handshake of a" "$(peer_field a wt0 b wt0 handshake)" "$(value handshake)"
	# A new preshared key takes effect with the next handshake.
	peer_set b wt0 a wt0 preshared-key "$(psk_file one)"
	expect_eq "preshared key" "$(peer_field b wt0 a wt0 psk)" "$(cat "$(psk_file one)")"
	wait_for 30 pings
}

preshared_case() {
	set_value handshake "$(peer_field a wt0 b wt0 handshake)"
	preshared_differs
}

run_case "peers with low-order public keys are stored, and get no message" low_order
run_case "a peer with the device's own key is not added" own_key_as_peer
run_case "a peer whose key becomes the device's own is removed" peer_key_becomes_own
run_case "own key and peer in one message" own_key_in_one_message
run_case "without a private key nothing is sent" no_private_key
run_case "a new private key ends the old sessions" key_changed
run_case "private keys are clamped" clamped
run_case "a preshared key of zeros is none" zero_preshared
run_case "preshared keys that differ" preshared_case
