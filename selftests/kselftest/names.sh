#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Names of peers, and prefixes that two peers are given. All in one namespace; only the last cases need a second end.
# series: 6.1
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

skip_unless_weft
pair_create
for peer in one two three; do
	new_key "$peer"
done
one=$(public_key one) two=$(public_key two) three=$(public_key three) b=$(tunnel_key b wt0)

set_a() {
	ns a "$WEFT" set wt0 "$@"
}

# Each case begins with one peer, that of b.
fresh() {
	ns a "$WEFT" set wt0 peer "$one" remove peer "$two" remove peer "$three" remove peer "$b" name ''
}

names() { # names: KEY<tab>NAME of peers with a name
	ns a "$WEFT" show wt0 names | grep -v '(none)$' || true
}

prefixes_of() { # prefixes_of KEY
	ns a "$WEFT" show wt0 allowed-ips | awk -F '\t' -v key="$1" '$1 == key { print $2 }'
}

given() {
	fresh
	expect set_a peer "$one" name "Zürich 東京 🌳"
	expect_eq "names" "$(names)" "$one"$'\t'"Zürich 東京 🌳"
	expect set_a peer "Zürich 東京 🌳" persistent-keepalive 9 name hub
	expect_eq "keepalive" "$(ns a "$WEFT" show wt0 persistent-keepalive | grep -F "$one")" "$one"$'\t'9
	expect_eq "names" "$(names)" "$one"$'\t'hub
	expect_eq "summary" "$(ns a "$WEFT" show wt0 | grep -A 1 -F "peer: $one" | tail -n 1)" "  name: hub"
	expect_eq "JSON" "$(ns a "$WEFT" -j show wt0 | python3 -c 'import json, sys
print([peer["name"] for peer in json.load(sys.stdin)[0]["peers"] if "name" in peer])')" "['hub']"
	expect_eq "file" "$(ns a "$WEFT" showconf wt0 | grep Name)" "Name = hub"
	expect_error "nor the name of a peer" set_a peer "Zürich 東京 🌳" remove
	expect set_a peer hub remove
	expect_error "nor the name of a peer" set_a peer hub remove
}

refused() {
	local long

	fresh
	set_a peer "$one" name one peer "$two"
	printf -v long '%064d' 0
	expect set_a peer "$two" name "${long:1}"
	expect_error "too long" set_a peer "$two" name "$long"
	expect_error "looks like a key" set_a peer "$two" name "$three"
	expect_error "control character" set_a peer "$two" name $'a\tb'
	expect_error "control character" set_a peer "$two" name $'\xc2\x85'
	expect_error "not UTF-8" set_a peer "$two" name $'\xc0\xaf'
	expect_error "'one' is already the name of peer $one" set_a peer "$two" name one
	# A peer that a change only refers to by its name keeps the name.
	expect_error "'one' is already the name of peer $one" set_a peer "$one" persistent-keepalive 9 peer "$two" name one
	# A refused change has no effect.
	expect_error "'one' is already the name of peer $one" set_a listen-port 7777 peer "$three" name three peer "$two" name one
	expect_eq "names" "$(names | sort)" "$(printf '%s\tone\n%s\t%s\n' "$one" "$two" "${long:1}" | sort)"
	expect_eq "port" "$(device_field a wt0 port)" 51820
	expect_error "another peer of the device has it" set_a peer "$three" name twice peer "$b" name twice
}

# Names are checked by the final state of a change.
all_at_once() {
	fresh
	set_a peer "$one" name left peer "$two" name right
	expect set_a peer "$one" name right peer "$two" name left
	expect_eq "names that changed places" "$(names)" "$(printf '%s\tright\n%s\tleft' "$one" "$two")"
	expect set_a peer "$three" name left peer "$two" remove
	expect_eq "name of a removed peer" "$(names)" "$(printf '%s\tright\n%s\tleft' "$one" "$three")"
	expect set_a peer "$three" remove peer "$two" name left peer "$three"
	expect_eq "name of a peer that is removed and added again" "$(names)" "$(printf '%s\tright\n%s\tleft' "$one" "$two")"
	expect_error "'left' is already the name" set_a peer "$three" name left peer "$two" remove peer "$two" name left
	expect set_a peer "$one" name x peer "$one" name left peer "$one" name y
	expect_eq "the last of three" "$(names)" "$(printf '%s\ty\n%s\tleft' "$one" "$two")"
}

files() {
	local conf=$lib_work/names.conf

	fresh
	set_a peer "$one" name left peer "$two" name right
	ns a "$WEFT" showconf wt0 >"$conf"
	expect_eq "names in the file" "$(grep -c '^Name = ' "$conf")" 2
	set_a peer "$one" name '' peer "$two" name left
	expect ns a "$WEFT" syncconf wt0 "$conf"
	expect_eq "names" "$(names)" "$(printf '%s\tleft\n%s\tright' "$one" "$two")"
	sed -i -e s/left/middle/ -e s/right/left/ -e s/middle/right/ "$conf"
	expect ns a "$WEFT" syncconf wt0 "$conf"
	expect_eq "names that changed places" "$(names)" "$(printf '%s\tright\n%s\tleft' "$one" "$two")"
	sed -i '/^Name/d' "$conf"
	expect ns a "$WEFT" syncconf wt0 "$conf"
	expect_eq "names that the file has not" "$(names)" ""
	expect ns a "$WEFT" setconf wt0 "$conf"
}

named_peers() { # named_peers COUNT SHIFT: a file in which each name is at the peer SHIFT places further
	python3 - "$@" <<-'END'
		import base64, sys
		count, shift = map(int, sys.argv[1:])
		print("[Interface]")
		for i in range(count):
		    key = base64.b64encode(i.to_bytes(4, "little") + bytes(27) + b"\x01").decode()
		    print(f"[Peer]\nPublicKey = {key}\nName = node {(i + shift) % count}")
	END
}

# 2,000 peers, too many for one message; all names move to the next peer.
many() {
	local conf=$lib_work/many.conf

	named_peers 2000 0 >"$conf"
	ns_ip a link add many type "$KIND"
	defer ns_ip a link del many
	expect ns a "$WEFT" setconf many "$conf"
	named_peers 2000 1 >"$conf"
	expect ns a "$WEFT" syncconf many "$conf"
	expect_eq "names that moved" "$(ns a "$WEFT" show many names | awk -F '\t' '{ print $2 }' | sort -u | wc -l)" 2000
	expect_eq "file" "$(ns a "$WEFT" showconf many | grep ^Name | cksum)" "$(grep ^Name "$conf" | cksum)"
}

moved() {
	fresh
	expect set_a peer "$one" name hub allowed-ips 10.90.0.0/24,10.91.0.0/24 2>"$lib_work/said"
	expect_eq "warning for a free prefix" "$(cat "$lib_work/said")" ""
	expect set_a peer "$two" allowed-ips +10.90.0.0/24,+10.92.0.0/24 2>"$lib_work/said"
	expect_eq "warning for another peer's prefix" "$(cat "$lib_work/said")" "weft: warning: wt0: allowed IPs have moved: 10.90.0.0/24 from peer hub"
	expect_eq "left" "$(prefixes_of "$one")" "10.91.0.0/24"
	expect_eq "got" "$(prefixes_of "$two")" "10.90.0.0/24 10.92.0.0/24"
	expect set_a peer "$two" allowed-ips 10.90.0.0/24 2>"$lib_work/said"
	expect_eq "warning for the peer's own prefix" "$(cat "$lib_work/said")" ""
}

exclusive() {
	fresh
	set_a peer "$one" name hub allowed-ips 10.90.0.0/24,fd90::/64 peer "$two" allowed-ips 10.92.0.0/24
	expect_error "peer hub already has 10.90.0.0/24, and 'exclusive' forbids the move" \
		set_a peer "$two" allowed-ips 10.93.0.0/24,10.90.0.7/24 exclusive
	expect_error "peer hub already has fd90::/64, and 'exclusive' forbids the move" set_a peer "$three" allowed-ips fd90::/64 exclusive
	expect_eq "left" "$(prefixes_of "$one")" "10.90.0.0/24 fd90::/64"
	expect_eq "got" "$(prefixes_of "$two")" "10.92.0.0/24"
	# The exact prefix: a longer or a shorter one is another prefix.
	expect set_a peer "$two" allowed-ips 10.90.0.0/25,10.90.0.0/23 exclusive
	# A prefix that the same change removes from its owner is free, in any order.
	expect_error "another peer has one of them" set_a peer "$two" allowed-ips 10.94.0.0/24 exclusive peer "$three" allowed-ips 10.94.0.0/24
	expect set_a peer "$two" allowed-ips 10.90.0.0/24 exclusive peer hub allowed-ips -10.90.0.0/24
	expect_eq "got" "$(prefixes_of "$two")" "10.90.0.0/24"
	expect set_a peer "$three" allowed-ips fd90::/64 exclusive peer hub remove
	expect_eq "got" "$(prefixes_of "$three")" "fd90::/64"
	expect set_a peer "$three" allowed-ips fd90::/64 exclusive
}

wireguard_takes_none() {
	fresh
	modprobe wireguard 2>/dev/null || skip "no module wireguard here"
	ns_ip a link add wg7 type wireguard
	defer ns_ip a link del wg7
	expect_error "'name' needs a link of kind weft, and this link is of kind wireguard" ns a "$WEFT" set wg7 peer "$one" name x
	expect_error "'exclusive' needs a link of kind weft" ns a "$WEFT" set wg7 peer "$one" allowed-ips 10.0.0.0/8 exclusive
	printf '[Peer]\nPublicKey = %s\nName = x\n' "$one" >"$lib_work/wg7.conf"
	expect ns a "$WEFT" setconf wg7 "$lib_work/wg7.conf"
	expect_eq "peers" "$(ns a wg show wg7 peers)" "$one"
}

# b's clock is set back an hour: a refuses b's initiations as too old until it forgets b's last timestamp. To leave
# the machine's clock right in the end, b first makes a handshake with a clock an hour ahead.
clock_back() {
	local before

	fresh
	session_up a wt0 b wt0 10.9.0.2
	date -s '+1 hour' >/dev/null
	defer date -s '-1 hour'
	tunnel_set b wt0 peer "$(tunnel_key a wt0)" endpoint 192.0.2.1:51820
	ns_ip b link set wt0 down
	ns_ip b link set wt0 up
	session_up b wt0 a wt0 10.9.0.1
	date -s '-1 hour' >/dev/null
	defer date -s '+1 hour'
	ns_ip b link set wt0 down
	ns_ip b link set wt0 up
	before=$(ethtool_stat a wt0 rx_drop_timestamp)
	expect_fail ns b ping -n -c 1 -W 3 10.9.0.1
	expect_gt "initiations too old" "$(ethtool_stat a wt0 rx_drop_timestamp)" "$before"
	expect set_a peer "$b" forget-timestamp
	wait_for 30 ns b ping -n -c 1 -W 1 10.9.0.1
}

run_case "a peer gets a name, and commands accept the name" given
run_case "an invalid name, or another peer's, is refused" refused
run_case "names of one change are checked together" all_at_once
run_case "names in files" files
run_case "2,000 names move on by one" many
run_case "a prefix moves, with a warning that names its owner" moved
run_case "an exclusive prefix is refused" exclusive
run_case "names are not sent to in-tree wireguard" wireguard_takes_none
run_case "a peer whose clock was set back connects again" clock_back
