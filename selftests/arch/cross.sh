#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tunnels between two machines of different architectures. Both run this script: ROLE=far does what the near one says, over a
# connection of their common wire, and has the kernel's own WireGuard as well as weft; ROLE=near has weft, and the cases.
# selftests/arch/two.sh starts both. BRIEF=1 is a near one that sends the first packets of each tunnel, and nothing else.
# vm: smp
#
#	 near: namespace a                         far: namespace a
#	 wt0 10.9.0.1 --- a session that the near end begins --- wt0 10.9.0.2 (wireguard)
#	 wt1 10.9.1.1 --- one that the far end begins ---------- wt1 10.9.1.2 (wireguard), preshared key
#	 wt2 10.9.2.1 --- begun by the near end ---------------- wt2 10.9.2.2 (weft), preshared key
#	 wt3 10.9.3.1 --- begun by the far end ----------------- wt3 10.9.3.2 (weft)
#	 eth0 198.51.100.1 2001:db8:9::1 --- wire --- eth0 198.51.100.2 2001:db8:9::2
#
# A namespace b at each machine has the sender of a flood to a's tunnels.
# timeout: 1500
. "$(dirname "$0")/../kselftest/lib.sh"

tunnels=(wt0 wt1 wt2 wt3)
kinds=(wireguard wireguard weft weft)
handshakes="$(type_filter 1) or $(type_filter 2)"
control=7000

wire_create() { # wire_create NUMBER
	# As interop.sh has it: the socket's buffer holds a flood until a process runs.
	sysctl -qw net.core.rmem_default=2000000
	pair_underlay_create
	modprobe virtio_net
	wait_for 30 test -e /sys/class/net/eth0
	ip link set eth0 netns "$(ns_name a)"
	addr_add a eth0 "198.51.100.$1/24" "2001:db8:9::$1/64"
	ns_ip a link set eth0 up
}

# Two tunnels of one namespace have ports of their own.
end_create() { # end_create DEV KIND NUMBER
	local dev=$1 kind=$2 index=${1#wt}

	ns_ip a link add "$dev" type "$kind"
	echo "$kind" >"$lib_work/kinds/a.$dev"
	new_key "a.$dev"
	tunnel_set a "$dev" listen-port "5182$index" private-key "$(tunnel_key_file a "$dev")"
	addr_add a "$dev" "10.9.$index.$3/24" "fd09:$index::$3/64"
	ns_ip a link set "$dev" up
}

# ---- the far machine ----

# A line of the connection is a command; the answer is its status and its output in base64. Within a condition, such as that
# of ||, a command of several steps would go on after one that fails.
obey() {
	local line output status

	coproc ns a socat TCP-LISTEN:$control,reuseaddr -
	trap - ERR
	set +e
	while read -r line <&"${COPROC[0]}" && [ "$line" != end ]; do
		output=$(set -e; eval "$line" 2>&1 </dev/null)
		status=$?
		printf '%s %s\n' "$status" "$(base64 -w 0 <<<"$output")" >&"${COPROC[1]}"
	done
	[ "$line" = end ]
}

far_main() {
	local index

	wire_create 2
	for index in "${!tunnels[@]}"; do
		end_create "${tunnels[index]}" "${kinds[index]}" 2
		defer ns_ip a link del "${tunnels[index]}"
	done
	run_case "does what the other machine says" obey
}

# ---- the near machine ----

far_raw() { # far_raw COMMAND...: one line for the other machine's shell
	local status output

	printf '%s\n' "$*" >&"$to_far"
	read -r -t 240 status output <&"$from_far" || fail "no answer from the other machine: $*"
	base64 -d <<<"$output"
	return "$status"
}

far() { # far COMMAND...
	far_raw "$(printf '%q ' "$@")"
}

connect() {
	coproc ns a socat - "TCP:198.51.100.2:$control,retry=120,interval=1"
	exec {from_far}<&"${COPROC[0]}" {to_far}>&"${COPROC[1]}"
	far true
}

# Both ends know each other; INITIATOR alone has an endpoint, of the FAMILY that tells the tunnels apart.
peers_create() { # peers_create INDEX
	local index=$1 dev=${tunnels[$1]} far_key psk=()

	far_key=$(far public_key "a.$dev")
	echo "$far_key" >"$lib_work/keys/far.$dev.pub"
	far_raw "echo $(tunnel_key a "$dev") >\$lib_work/keys/near.$dev.pub"
	if [ "$index" = 1 ] || [ "$index" = 2 ]; then
		psk=(preshared-key "$(psk_file pair)")
		far_raw "umask 077; echo $(<"$(psk_file pair)") >\$lib_work/keys/pair.psk"
	fi
	peer_add a "$dev" far "$dev" "10.9.$index.2/32,fd09:$index::2/128" "${psk[@]}"
	far_raw "peer_add a $dev near $dev 10.9.$index.1/32,fd09:$index::1/128 ${psk[*]:+preshared-key \"\$(psk_file pair)\"}"
}

address() { # address NUMBER INDEX: of a machine's tunnel, over IPv4 for even ones
	if [ $(($2 % 2)) = 0 ]; then echo "198.51.100.$1:5182$2"; else echo "[2001:db8:9::$1]:5182$2"; fi
}

point() { # point INDEX: the initiator's endpoint
	local dev=${tunnels[$1]}

	if begins_here "$1"; then
		peer_set a "$dev" far "$dev" endpoint "$(address 2 "$1")"
	else
		far peer_set a "$dev" near "$dev" endpoint "$(address 1 "$1")"
	fi
}

begins_here() { # begins_here INDEX
	[ $(($1 % 2)) = 0 ]
}

first_ping() { # first_ping INDEX
	if begins_here "$1"; then
		ns a ping -n -q -c 1 -W 30 "10.9.$1.2"
	else
		far ns a ping -n -q -c 1 -W 30 "10.9.$1.1"
	fi
}

begins() { # begins INDEX
	local here=2001:db8:9::1 there=2001:db8:9::2 from to index=$1

	[ $((index % 2)) = 1 ] || here=198.51.100.1 there=198.51.100.2
	from=$here to=$there
	begins_here "$index" || from=$there to=$here
	capture_start begins a eth0 "($handshakes) and port 5182$index"
	point "$index"
	expect first_ping "$index"
	expect ns a ping -n -q -c 3 -W 30 "fd09:$index::2"
	expect far ns a ping -n -q -c 3 -W 30 "10.9.$index.1"
	capture_stop begins
	expect_eq "initiations" "$(capture_count begins "$(type_filter 1) and src host $from")" 1
	expect_eq "responses" "$(capture_count begins "$(type_filter 2) and src host $to")" 1
	expect_eq "handshake messages" "$(capture_count begins)" 2
}

# Both ends checksum what TCP has carried.
carries() { # carries INDEX
	local index=$1 port=701$1 sent got

	transfer_data 1000000
	sent=$(cksum <"$lib_work/transfer")
	far ns_run "sink.$port" a sh -c "socat -u TCP6-LISTEN:$port,reuseaddr,ipv6only=0 - | tee /tmp/carried | cksum"
	far wait_for 20 tcp_listening a "$port"
	ns a socat -u -b 8192 "FILE:$lib_work/transfer" "TCP:10.9.$index.2:$port"
	far ns_wait "sink.$port" 120
	got=$(far_raw "cat \"\$(ns_output sink.$port)\"")
	expect_eq "checksum of what has arrived there" "$got" "$sent"
	ns_run "back.$port" a sh -c "socat -u TCP6-LISTEN:$port,reuseaddr,ipv6only=0 - | cksum"
	wait_for 20 tcp_listening a "$port"
	far ns a socat -u -b 8192 FILE:/tmp/carried "TCP:[fd09:$index::1]:$port"
	ns_wait "back.$port" 120
	expect_eq "checksum of what has come back" "$(cat "$(ns_output "back.$port")")" "$sent"
}

# weft shows what the other end shows, from the other side.
counts_alike() { # counts_alike DEV
	[ "$(peer_field a "$1" far "$1" tx) $(peer_field a "$1" far "$1" rx)" = \
		"$(far peer_field a "$1" near "$1" rx) $(far peer_field a "$1" near "$1" tx)" ]
}

# All four tunnels at once, as it takes more than two minutes of real time.
renew() {
	local index

	capture_start renew a eth0 "$handshakes"
	for index in "${!tunnels[@]}"; do
		ns_run "pings.$index" a ping -n -i 2 -c 75 -W 20 "10.9.$index.2"
	done
	for index in "${!tunnels[@]}"; do
		ns_wait "pings.$index" 400
		expect_match "output of ping" "$(cat "$(ns_output "pings.$index")")" ' 0% packet loss'
	done
	capture_stop renew
	for index in "${!tunnels[@]}"; do
		expect_ge "initiations of ${tunnels[index]}" "$(capture_count renew "$(type_filter 1) and port 5182$index")" 1
		expect_eq "responses of ${tunnels[index]}" "$(capture_count renew "$(type_filter 2) and port 5182$index")" \
			"$(capture_count renew "$(type_filter 1) and port 5182$index")"
	done
}

# The sender of the flood knows one port. It is this machine's tunnel's, and no other's.
flooded_port() { # flooded_port DEV
	local dev

	for dev in "${tunnels[@]}"; do
		[ "$dev" = "$1" ] || tunnel_set a "$dev" listen-port 0
	done
	tunnel_set a "$1" listen-port 51820
}

# A first message to the end under load.
calls_loaded() { # calls_loaded INDEX LOADED
	local index=$1 dev=${tunnels[$1]} loaded=$2

	peer_remove a "$dev" far "$dev"
	far peer_remove a "$dev" near "$dev"
	peers_create "$index"
	capture_start call a eth0 "udp port 51820"
	if [ "$loaded" = far ]; then
		far flooded_port "$dev"
		far flood_start 40 "$dev"
		peer_set a "$dev" far "$dev" endpoint 198.51.100.2:51820
		expect ns a ping -n -q -c 1 -W 40 "10.9.$index.2"
		far flood_stop
	else
		flooded_port "$dev"
		flood_start 40 "$dev"
		far peer_set a "$dev" near "$dev" endpoint 198.51.100.1:51820
		expect far ns a ping -n -q -c 1 -W 40 "10.9.$index.1"
		flood_stop
	fi
	capture_stop call
}

# The end under load answers with a cookie, with which the other end's next initiation gets through. Both machines run in real
# time: beside other work a flood stands still for a second, after which there is no load, and another call is made.
gets_through() { # gets_through INDEX LOADED
	local from=198.51.100.1 calls=1

	[ "$2" = far ] || from=198.51.100.2
	calls_loaded "$@"
	while [ "$(capture_count call "$(type_filter 3)")" = 0 ] && [ $calls -lt 5 ]; do
		note "call $calls met no load"
		calls=$((calls + 1))
		calls_loaded "$@"
	done
	expect_ge "cookie replies" "$(capture_count call "$(type_filter 3)")" 1
	expect_ge "initiations with a cookie" \
		"$(capture_count call "$(type_filter 1) and src host $from and $(payload_filter '@[132:4] != 0')")" 1
	expect_ge "responses" "$(capture_count call "$(type_filter 2)")" 1
}

say_end() {
	printf 'end\n' >&"$to_far"
}

near_main() {
	local index who

	wire_create 1
	for index in "${!tunnels[@]}"; do
		end_create "${tunnels[index]}" weft 1
		defer ns_ip a link del "${tunnels[index]}"
	done
	connect
	defer say_end
	note "here $(uname -m), there $(far uname -m)"
	for index in "${!tunnels[@]}"; do
		who="weft"
		begins_here "$index" || who="it"
		peers_create "$index"
		run_case "${kinds[index]}: $who begins" begins "$index"
		[ -z "${BRIEF-}" ] || continue
		run_case "${kinds[index]}: data both ways" carries "$index"
		run_case "${kinds[index]}: both count the same" wait_for 30 counts_alike "${tunnels[index]}"
	done
	[ -z "${BRIEF-}" ] || return 0
	run_case "all renew their sessions" renew
	run_case "wireguard: weft gets through to a loaded one" gets_through 0 far
	run_case "wireguard: it gets through to a loaded weft" gets_through 1 near
	run_case "weft: this one gets through to a loaded one" gets_through 2 far
	run_case "weft: the other gets through to this one, which is loaded" gets_through 3 near
}

case ${ROLE-} in
near|far)
	"${ROLE}_main"
	;;
*)
	skip "half of a test of two machines: make check-arch"
	;;
esac
