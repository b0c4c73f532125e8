#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The bench's namespaces, links and tunnels. To be sourced in the guest; guest.sh has the drawing.
#
#   pair_create KIND; pair_topology offloads|wire; pair_delete    a, b, c, d; $far is b's address seen from a
#   hub_create KIND COUNT [together|apart]                        s with COUNT devices, h with one
#   hub_topology offloads|wire; hub_delete; hub_possible KIND
#   hub_restart KIND COUNT                                        prints a command that makes the hub's device anew
#
#   result KIND CASE TOPOLOGY UNIT JSON, no_result KIND CASE TOPOLOGY WHY      print a line of JSON
#   settle                                                                     waits until the machine is idle
#
# The script that sources this has a directory $work for keys.
#
# A kind is none, wireguard, weft, wireguard-go, wireguard-go-new, esp-chacha, esp-gcm, openvpn-dco, or two with the
# same protocol and a + between: the sender's and the receiver's.

mtu=1420
far=10.9.0.2
programs=/weft/programs
tunnels_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

ns() { # ns NAME COMMAND...
	local name=$1

	shift
	nsenter "--net=/run/netns/$name" "$@"
}

# All of ip's commands in one process.
ip_batch() { # ip_batch NS: commands on standard input
	ip -n "$1" -batch -
}

wait_until() { # wait_until COMMAND...
	local tries

	for ((tries = 0; tries < 100; tries++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	echo "not so after ten seconds: $*" >&2
	return 1
}

spaces_create() {
	local name

	for name; do
		ip netns add "$name" || return
		ip -n "$name" link set lo up
		ns "$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	done
}

# The kernel removes the links in the background.
spaces_delete() {
	local name pids

	for name; do
		pids=$(ip netns pids "$name" 2>/dev/null) || continue
		# shellcheck disable=SC2086 # a list
		[ -z "$pids" ] || kill $pids
		ip netns delete "$name"
	done
}

link_create() { # link_create NS DEV ADDRESS NS DEV ADDRESS
	ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
	ip -n "$1" addr add "$3" dev "$2"
	ip -n "$4" addr add "$6" dev "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

# With all of a veth pair's offloads, or as two plain network cards: packets are segmented before they cross, and
# merged by the receiver's GRO.
link_topology() { # link_topology offloads|wire NS DEV...
	local topology=$1 state=on gro=off

	[ "$topology" = offloads ] || { state=off; gro=on; }
	shift
	while [ $# -ge 2 ]; do
		ns "$1" ethtool -K "$2" tso $state tx-udp-segmentation $state tx-tcp-ecn-segmentation $state \
			tx-tcp-mangleid-segmentation $state tx-tcp6-segmentation $state gro $gro
		shift 2
	done
}

pair_topology() {
	link_topology "$1" a va b vb a vca c vc b vdb d vd
}

underlay_create() {
	spaces_create a b c d || return
	link_create a va 192.0.2.1/24 b vb 192.0.2.2/24
	link_create c vc 10.1.0.2/24 a vca 10.1.0.1/24
	link_create d vd 10.2.0.2/24 b vdb 10.2.0.1/24
	ip -n c route add default via 10.1.0.1
	ip -n d route add default via 10.2.0.1
	ns a sysctl -qw net.ipv4.ip_forward=1
	ns b sysctl -qw net.ipv4.ip_forward=1
}

# ---- an end of each kind: end_KIND_create NS OWN OTHER OTHER_NET ENDPOINT ----

end_none_create() { # on the link itself
	local dev=v$1

	ip_batch "$1" <<-END
		addr add $2/32 dev $dev
		route add $3/32 via $5 dev $dev src $2 mtu $mtu
		route add $4 via $5 dev $dev mtu $mtu
	END
}

# Settings of a tunnel's device besides the tunnel.
device_up() { # device_up NS DEV OWN OTHER OTHER_NET
	ip_batch "$1" <<-END
		link set $2 mtu $mtu up
		addr add $3/32 dev $2
		route add $4/32 dev $2 src $3
		route add $5 dev $2
	END
}

# weft's arguments are those of wg.
device_configure() { # device_configure TOOL NS DEV OTHER OTHER_NET ENDPOINT
	local other=b

	[ "$2" = a ] || other=a
	# shellcheck disable=SC2154 # set by the script that sources this
	ns "$2" "$1" set "$3" listen-port 51820 private-key "$work/key.$2" \
		peer "$(wg pubkey <"$work/key.$other")" allowed-ips "$4/32,$5" endpoint "$6:51820"
}

end_in_kernel() { # end_in_kernel LINK_KIND TOOL NS OWN OTHER OTHER_NET ENDPOINT
	modprobe "$1" || return
	ip -n "$3" link add wt0 type "$1" || return
	device_configure "$2" "$3" wt0 "$5" "$6" "$7" && device_up "$3" wt0 "$4" "$5" "$6"
}

end_wireguard_create() {
	end_in_kernel wireguard wg "$@"
}

end_weft_create() {
	end_in_kernel weft weft "$@"
}

# Its control socket is a file: the names of its devices have to differ between namespaces. It ends with its
# namespace.
end_in_go() { # end_in_go PROGRAM NS OWN OTHER OTHER_NET ENDPOINT
	local program=$1 dev=go$2

	mkdir -p /dev/net /run/wireguard
	modprobe tun || return
	[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
	ns "$2" env WG_PROCESS_FOREGROUND=1 LOG_LEVEL=silent "$program" -f "$dev" </dev/null >/dev/null 2>&1 &
	wait_until test -S "/run/wireguard/$dev.sock" || return
	device_configure wg "$2" "$dev" "$4" "$5" "$6" && device_up "$2" "$dev" "$3" "$4" "$5"
}

end_wireguard-go_create() {
	end_in_go wireguard-go "$@"
}

end_wireguard-go-new_create() {
	end_in_go "$programs/wireguard-go-new" "$@"
}

# One key for both directions, since only the cost counts.
end_esp() { # end_esp ALGORITHM KEY NS OWN OTHER OTHER_NET ENDPOINT
	local algorithm=$1 key=$2 name=$3 own=$4 other=$5 net=$6 endpoint=$7 self=192.0.2.1

	modprobe -a esp4 xfrm_user chacha20poly1305 chacha-x86_64 poly1305-x86_64 aesni-intel ghash-clmulni-intel 2>/dev/null
	[ "$name" = a ] || self=192.0.2.2
	ip -n "$name" xfrm state add src $self dst "$endpoint" proto esp spi 0x1001 mode tunnel aead "$algorithm" "$key" 128 &&
		ip -n "$name" xfrm state add src "$endpoint" dst $self proto esp spi 0x1001 mode tunnel aead "$algorithm" "$key" 128 \
			replay-window 64 || return
	ip_batch "$name" <<-END
		xfrm policy add dir out dst $other/32 tmpl src $self dst $endpoint proto esp mode tunnel
		xfrm policy add dir out dst $net tmpl src $self dst $endpoint proto esp mode tunnel
		xfrm policy add dir in src $other/32 tmpl src $endpoint dst $self proto esp mode tunnel
		xfrm policy add dir fwd src $net tmpl src $endpoint dst $self proto esp mode tunnel
		addr add $own/32 dev lo
		route add $other/32 via $endpoint dev v$name src $own mtu $mtu
		route add $net via $endpoint dev v$name mtu $mtu
	END
}

end_esp-chacha_create() {
	end_esp 'rfc7539esp(chacha20,poly1305)' "0x$(printf '5a%.0s' {1..36})" "$@"
}

end_esp-gcm_create() {
	end_esp 'rfc4106(gcm(aes))' "0x$(printf '5a%.0s' {1..36})" "$@"
}

# Each end has the other's self-signed certificate. b waits for a connection.
openvpn_certificates() {
	local name

	for name in a b; do
		[ -e "$work/$name.crt" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
			-subj "/CN=$name" -keyout "$work/$name.pem" -out "$work/$name.crt" 2>/dev/null || return
	done
}

fingerprint() { # fingerprint NAME
	openssl x509 -in "$work/$1.crt" -noout -fingerprint -sha256 | cut -d= -f2
}

end_openvpn-dco_create() { # end_openvpn-dco_create NS OWN OTHER OTHER_NET ENDPOINT
	local name=$1 dev=ovpn$1 other=b role=(--tls-client) self=192.0.2.1

	[ "$name" = a ] || other=a role=(--tls-server --dh none) self=192.0.2.2
	[ -e "$programs/openvpn/ovpn-dco-v2.ko" ] ||
		{ cat "$programs/openvpn/absent" >&2; return 1; }
	modprobe -a udp_tunnel ip6_udp_tunnel gcm chacha20poly1305 chacha-x86_64 poly1305-x86_64 2>/dev/null
	[ -d /sys/module/ovpn_dco_v2 ] || insmod "$programs/openvpn/ovpn-dco-v2.ko" || return
	openvpn_certificates || return
	ns "$name" env LD_LIBRARY_PATH="$programs/openvpn" "$programs/openvpn/openvpn" --dev "$dev" --dev-type tun \
		--proto udp4 --local $self --lport 1194 --remote "$5" 1194 "${role[@]}" --cert "$work/$name.crt" \
		--key "$work/$name.pem" --peer-fingerprint "$(fingerprint $other)" --data-ciphers CHACHA20-POLY1305 \
		--ifconfig "$2" "$3" --ifconfig-noexec --tun-mtu $mtu --verb 3 </dev/null >"$work/openvpn.$name" 2>&1 &
	wait_until ip -n "$name" link show "$dev" || { tail -n 3 "$work/openvpn.$name" >&2; return 1; }
	ip -n "$name" -d link show "$dev" | grep ovpn-dco >/dev/null || { echo "openvpn runs without DCO" >&2; return 1; }
	device_up "$name" "$dev" "$2" "$3" "$4"
}

make_keys() { # make_keys NAME...
	local name

	for name; do
		(umask 077; wg genkey >"$work/key.$name")
	done
}

pair_create() { # pair_create KIND
	local kind_a=${1%+*} kind_b=${1#*+}

	underlay_create || return
	make_keys a b
	"end_${kind_a}_create" a 10.9.0.1 10.9.0.2 10.2.0.0/24 192.0.2.2 || return
	"end_${kind_b}_create" b 10.9.0.2 10.9.0.1 10.1.0.0/24 192.0.2.1 || return
	wait_until ns a ping -n -c 1 -W 1 $far || return
	wait_until ns c ping -n -c 1 -W 1 10.2.0.2
}

pair_delete() {
	spaces_delete a b c d
}

# ---- a hub ----

hub_possible() {
	[ "$1" = wireguard ] || [ "$1" = weft ] || [ "$1" = none ]
}

hub_topology() {
	link_topology "$1" s vs h vh
}

hub_address() { # hub_address SECOND_BYTE NUMBER
	echo "10.$1.$(($2 / 256)).$(($2 % 256))"
}

# The hub has an address for each spoke, so that each spoke has a route of its own to it. Spokes that are apart have an
# address of their own below the tunnel, too: a hub under load limits the handshakes from an address.
hub_create() { # hub_create KIND COUNT [together|apart]
	local kind=$1 count=$2 place=${3-together}

	spaces_create s h || return
	link_create s vs 192.0.2.1/24 h vh 192.0.2.2/24
	ip -n h route add local 10.8.0.0/16 dev lo
	if [ "$kind" = none ]; then
		ip -n s route add 10.8.0.0/16 via 192.0.2.2 mtu $mtu
		return
	fi
	modprobe "$kind" || return
	[ "$place" = together ] || spokes_apart "$count" || return
	spokes_create "$kind" "$count" | ip_batch s && hub_device "$kind" | ip_batch h || return
	KIND=$kind python3 "$tunnels_here/spokes.py" "$place" h s "$count"
}

spokes_apart() { # spokes_apart COUNT
	local number address

	ip -n h route add 198.19.0.0/16 via 192.0.2.1
	for ((number = 1; number <= $1; number++)); do
		echo "addr add 198.18.$((number / 256)).$((number % 256))/32 dev lo"
	done | ip_batch h
	for ((number = 1; number <= $1; number++)); do
		address=$((number / 256)).$((number % 256))
		echo "addr add 198.19.$address/32 dev lo"
		echo "route add 198.18.$address via 192.0.2.2 src 198.19.$address"
	done | ip_batch s
}

hub_device() { # hub_device KIND: ip's commands
	echo "link add wt0 type $1"
	echo "link set wt0 mtu $mtu up"
	echo "route add 10.9.0.0/16 dev wt0"
}

hub_restart() { # hub_restart KIND COUNT hub|kept: a command of the shell
	hub_device "$1" >"$work/hub"
	echo "ip -n h -batch '$work/hub' && KIND=$1 python3 '$tunnels_here/spokes.py' $3 h $2"
}

spokes_create() { # spokes_create KIND COUNT: ip's commands
	local number

	for ((number = 1; number <= $2; number++)); do
		echo "link add wt$number type $1"
		echo "link set wt$number mtu $mtu up"
		echo "addr add $(hub_address 9 $number)/32 dev wt$number"
		echo "route add $(hub_address 8 $number)/32 dev wt$number src $(hub_address 9 $number)"
	done
}

# The spokes' sessions end; they and the hub know each other's keys. Routes go with their device.
spokes_forget() { # spokes_forget COUNT: ip's commands
	local number

	for ((number = 1; number <= $1; number++)); do
		echo "link set wt$number down"
		echo "link set wt$number up"
		echo "route add $(hub_address 8 $number)/32 dev wt$number src $(hub_address 9 $number)"
	done
}

hub_delete() {
	spaces_delete s h
}

# ---- figures ----

result() { # result KIND CASE TOPOLOGY UNIT JSON
	printf '{"kind":"%s","case":"%s","topology":"%s","unit":"%s",%s\n' "$1" "$2" "$3" "$4" "${5#\{}"
}

# A figure that could not be measured, with the reason.
no_result() { # no_result KIND CASE TOPOLOGY WHY
	local why=${4//$'\n'/; }

	why=${why//\\/}
	result "$1" "$2" "$3" none "{\"absent\":\"${why//\"/\'}\"}"
}

read_idle() { # sets idle and uptime, in hundredths of a second
	local seconds idle_seconds

	read -r seconds idle_seconds </proc/uptime
	uptime=$((10#${seconds/./})) idle=$((10#${idle_seconds/./}))
}

# The kernel's deferred work after a boot or a change would be counted, too: the machine has to be idle for half a
# second.
settle() {
	local tries idle uptime idle_before uptime_before

	for ((tries = 0; tries < 100; tries++)); do
		read_idle
		idle_before=$idle uptime_before=$uptime
		sleep 0.5
		read_idle
		[ $((idle - idle_before)) -lt $(((uptime - uptime_before) * $(nproc) * 9 / 10)) ] || return 0
	done
	echo "${0##*/}: the machine does not become idle" >&2
	return 1
}
