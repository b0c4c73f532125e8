#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configuration files and an established session: setconf, addconf and syncconf leave unchanged settings alone, and an
# invalid file has no effect. (command.sh compares the command's output with that of wg(8).)
# series: 6.12
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

# The files contain private keys.
umask 077
pair_create
session_up a wt0 b wt0 10.9.0.2
strange=$(printf '%042dA=' 7)

tool() { # tool ARGS...
	tunnel_tool a wt0 "$@"
}

device_dump() {
	tool show wt0 dump | awk -F '\t' -v OFS='\t' 'NR > 1 { $6 = $7 = "" } 1'
}

# The receiver index in b's messages is that of a's session.
session_index() {
	capture_start session a va "$(type_filter 4) and src host 192.0.2.2" >&2
	ns a ping -n -c 1 -W 5 10.9.0.2 >&2
	capture_stop session >&2
	capture_dump session '' >/dev/null
	tcpdump -nn -x -Z root -r "$lib_work/captures/session" -c 1 2>/dev/null | awk '/0x0020:/ { print $2 $3 }'
}

# The command runs many times while b pings every 50 ms; no ping is lost, and the session is the same.
undisturbed() { # undisturbed COMMAND...
	local before after n handshake

	handshake=$(peer_field a wt0 b wt0 handshake)
	before=$(session_index)
	expect_match "the session's index" "$before" '^[0-9a-f]{8}$'
	ns_run pings b ping -n -i 0.05 -W 20 10.9.0.1
	wait_for 20 grep -q 'icmp_seq=5 ' "$(ns_output pings)"
	for n in 1 2 3 4 5; do
		"$@" "$n"
	done
	pings_stop pings
	after=$(session_index)
	expect_eq "the session's index" "$after" "$before"
	expect_eq "latest handshake" "$(peer_field a wt0 b wt0 handshake)" "$handshake"
}

# Each call changes another setting of the device or another peer, and none of b that would end its session.
sync_other() { # sync_other NUMBER
	tool showconf wt0 >"$lib_work/conf"
	sed -i "s/^FwMark.*//; s/^\[Interface\]/&\nFwMark = $1/" "$lib_work/conf"
	printf '[Peer]\nPublicKey = %042dA=\nAllowedIPs = 10.50.%d.0/24\n' "$1" "$1" >>"$lib_work/conf"
	expect tool syncconf wt0 "$lib_work/conf"
	expect_eq "fwmark" "$(device_field a wt0 fwmark)" "$(printf '0x%x' "$1")"
	expect_eq "peers" "$(peer_count a wt0)" $(($1 + 1))
}

sync_peer() { # sync_peer NUMBER
	tool showconf wt0 >"$lib_work/shown"
	sed "/^PersistentKeepalive/d; s/^AllowedIPs.*10\.9\.0\.2.*/AllowedIPs = fd09::2\/128, 10.9.0.2\/32, 10.60.$1.0\/24\nPersistentKeepalive = $((100 + $1))/" \
		"$lib_work/shown" >"$lib_work/conf"
	expect tool syncconf wt0 "$lib_work/conf"
	expect_match "allowed IPs" "$(peer_field a wt0 b wt0 allowed)" "10\.60\.$1\.0/24"
	expect_eq "keepalive" "$(peer_field a wt0 b wt0 keepalive)" $((100 + $1))
}

add_same() { # add_same NUMBER
	printf '[Peer]\nPublicKey = %s\nAllowedIPs = 10.70.%d.0/24\n' "$strange" "$1" >"$lib_work/conf"
	expect tool addconf wt0 "$lib_work/conf"
}

sync_back() {
	printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\n[Peer]\nPublicKey = %s\nEndpoint = 192.0.2.2:51820\nAllowedIPs = 10.9.0.2/32, fd09::2/128\n' \
		"$(cat "$(tunnel_key_file a wt0)")" "$(tunnel_key b wt0)" >"$lib_work/good"
	expect tool syncconf wt0 "$lib_work/good"
	expect_eq "peers" "$(peer_count a wt0)" 1
	expect_eq "fwmark, keepalive" "$(device_field a wt0 fwmark) $(peer_field a wt0 b wt0 keepalive)" "off off"
	expect_eq "allowed IPs" "$(peer_field a wt0 b wt0 allowed | tr , '\n' | sort | xargs)" "10.9.0.2/32 fd09::2/128"
}

# setconf replaces a peer, and so ends its session.
setconf_anew() {
	sync_back
	expect tool addconf wt0 <(printf '[Peer]\nPublicKey = %s\n' "$strange")
	expect_eq "peers with one added" "$(peer_count a wt0)" 2
	expect tool setconf wt0 "$lib_work/good"
	expect_eq "peers" "$(peer_count a wt0)" 1
	expect_eq "latest handshake" "$(peer_field a wt0 b wt0 handshake)" 0
	session_up a wt0 b wt0 10.9.0.2
}

# LINE is the last of an otherwise valid file: BEGINNING, or a peer. The refusal names the line and the word.
broken() { # broken LINE WORD [BEGINNING]
	local before status=0 beginning="[Interface]\nFwMark = 99\nListenPort = 9999\n[Peer]\nPublicKey = $strange\nPersistentKeepalive = 9"

	before=$(device_dump)
	printf '%b\n' "${3-$beginning}" "$1" >"$lib_work/broken"
	for command in setconf addconf syncconf; do
		status=0
		tool "$command" wt0 "$lib_work/broken" 2>"$lib_work/stderr" || status=$?
		expect_eq "status of $command with '$1'" "$status" 1
		grep -qF -- "$2" "$lib_work/stderr" || fail "output of $command for '$1': $(cat "$lib_work/stderr")"
	done
	expect_eq "the device after '$1'" "$(device_dump)" "$before"
}

broken_files() {
	skip_unless_weft
	broken 'AllowedIPs = 10.0.0.0/33' '10.0.0.0/33'
	broken 'AllowedIPs = fd00::/129' 'fd00::/129'
	broken 'AllowedIPs = 10.0.0/8' '10.0.0/8'
	broken 'AllowedIPs = 10.0.0.0/8, ten' 'ten'
	broken 'Endpoint = 192.0.2.1' '192.0.2.1'
	broken 'Endpoint = 192.0.2.1:65536' '65536'
	broken 'Endpoint = 192.0.2.1:' '192.0.2.1:'
	broken 'Endpoint = [2001:db8::1:51820' '2001:db8::1'
	broken 'PersistentKeepalive = 65536' '65536'
	broken 'PersistentKeepalive = -1' '-1'
	broken 'PresharedKey = short' 'PresharedKey'
	broken 'PublicKey = also+short=' 'also+short='
	broken 'Colour = blue' 'Colour'
	broken 'FwMark = 1' 'FwMark'
	broken '[Peers]' '[Peers]'
	broken '[Interface' '[Interface'
	broken 'AllowedIPs' 'AllowedIPs'
	broken '= 5' "''"
	broken 'ListenPort = 65536' '65536' '[Interface]\nFwMark = 99'
	broken 'FwMark = 0x100000000' '0x100000000' '[Interface]\nListenPort = 9999'
	broken 'PrivateKey = nonsense' 'PrivateKey' '[Interface]\nFwMark = 99'
	broken '[Peer]' 'PublicKey'
	broken '[Peer]\nAllowedIPs = 10.0.0.0/8' 'PublicKey'
	broken 'line with \\x00 in it' 'line'
}

# weft exits with status 1 and names WORD; the device is not changed.
refused() { # refused WORD ARGS...
	local word=$1 before status=0

	shift
	before=$(device_dump)
	tool "$@" 2>"$lib_work/stderr" </dev/null || status=$?
	expect_eq "status of $*" "$status" 1
	grep -qF -- "$word" "$lib_work/stderr" || fail "output of weft $*: $(cat "$lib_work/stderr")"
	expect_eq "the device after $*" "$(device_dump)" "$before"
}

refused_settings() {
	skip_unless_weft
	refused nobody set nobody fwmark 1
	refused nobody show nobody
	refused nobody showconf nobody
	refused nowhere setconf wt0 "$lib_work/nowhere"
	refused nowhere set wt0 private-key "$lib_work/nowhere"
	refused wt9 syncconf wt9 /dev/null
	refused colour set wt0 fwmark 5 colour blue
	refused 70000 set wt0 fwmark 5 listen-port 70000
	refused 10.0.0.0/33 set wt0 fwmark 5 peer "$strange" allowed-ips 10.0.0.0/33
	refused short set wt0 fwmark 5 peer short
	refused 65536 set wt0 fwmark 5 peer "$strange" persistent-keepalive 65536
	refused lo set lo fwmark 5
	# One file with an invalid key, and one that is too long.
	echo nonsense >"$lib_work/nonsense"
	refused nonsense set wt0 private-key "$lib_work/nonsense"
	head -c 100000 /dev/zero | tr '\0' x >"$lib_work/long"
	refused long set wt0 fwmark 5 peer "$strange" preshared-key "$lib_work/long"
}

still_there() {
	expect ns a ping -n -c 3 -i 0.2 -W 5 10.9.0.2
	expect_eq "fwmark, port" "$(device_field a wt0 fwmark) $(device_field a wt0 port)" "off 51820"
}

run_case "syncconf of other settings keeps the session and loses no packet" undisturbed sync_other
run_case "syncconf of the peer itself too" undisturbed sync_peer
run_case "addconf of another peer too" undisturbed add_same
run_case "syncconf removes settings that the file lacks" sync_back
run_case "setconf replaces the session" setconf_anew
run_case "invalid files change nothing" broken_files
run_case "refused settings change nothing" refused_settings
run_case "the tunnel is up in the end" still_there
