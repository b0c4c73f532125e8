#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demo itself, in the VM that run.sh boots. Each server is a network namespace; so is "internet", which holds the
# switch that joins the servers' public addresses.
#
#	     ember                 litespeed                spark
#	     10.77.0.1 fd77::1     10.77.0.2 fd77::2        10.77.0.3 fd77::3        weft0: the tunnel
#	     203.0.113.11          203.0.113.12             203.0.113.13             eth0: the public address
#	          |                     |                        |
#	          +---------------------+------------------------+    "switch", in the namespace internet
#
# check() prints a check mark after its command has succeeded; no other function prints one.
# shellcheck disable=SC2317 # most of the functions are called by check()
set -u -o pipefail

nodes=(ember litespeed spark)
declare -A number=([ember]=1 [litespeed]=2 [spark]=3)
# Only for commands that may hang; in seconds of the guest.
patience=30
work=$(mktemp -d)
demo_dir=$(cd "$(dirname "$0")" && pwd)
passed=0
failures=()
background=()
step_number=0
export LANG=C.UTF-8 NO_COLOR=1

# ---- words ----

paint() { # paint CODE TEXT
	if [ -n "${DEMO_COLOUR-}" ]; then
		printf '\033[%sm%s\033[0m' "$1" "$2"
	else
		printf '%s' "$2"
	fi
}

step() { # step TITLE
	step_number=$((step_number + 1))
	printf '\n%s\n' "$(paint 1 "$step_number. $1")"
}

# Prose from standard input.
tell() {
	sed 's/^/   /'
}

# A command as typed on that server, followed by its output.
show() { # show NODE COMMAND...
	printf '   %s\n' "$(paint 36 "$1# ${*:2}")"
	on "$@" 2>&1 | sed 's/^/     /'
}

# Runs a command that proves a claim. A failure is recorded and reported with the command's output, and fails the demo
# at its end; the other steps continue.
check() { # check CLAIM COMMAND...
	local claim=$1

	shift
	if "$@" >"$work/output" 2>&1 </dev/null; then
		passed=$((passed + 1))
		printf '   %s %s\n' "$(paint 32 '✓')" "$claim"
	else
		failures+=("step $step_number: $claim")
		printf '   %s %s\n' "$(paint 31 '✗ NOT SO:')" "$claim"
		tail -n 15 "$work/output" | sed 's/^/       /'
	fi
}

# ---- servers by name ----

on() { # on NODE COMMAND...
	local node=$1

	shift
	timeout "$patience" nsenter --net="/run/netns/$node" "$@"
}

public() { echo "203.0.113.1${number[$1]}"; }
inside() { echo "10.77.0.${number[$1]}"; }
inside6() { echo "fd77::${number[$1]}"; }

# Every server with every other one, in both directions.
pairs() {
	local from to

	for from in "${nodes[@]}"; do
		for to in "${nodes[@]}"; do
			[ "$from" = "$to" ] || echo "$from $to"
		done
	done
}

wait_until() { # wait_until COMMAND...: for at most $patience seconds
	local end=$((SECONDS + patience))

	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "waited $patience seconds in vain for: $*"; return 1; }
		sleep 0.1
	done
}

in_background() { # in_background NODE OUTPUT COMMAND...: its process is last_pid
	local node=$1 output=$2

	shift 2
	nsenter --net="/run/netns/$node" "$@" >"$output" 2>&1 </dev/null &
	last_pid=$!
	background+=("$last_pid")
}

# ---- 1: servers ----

plug_in() { # plug_in NODE: a cable to the switch, and a public address
	ip netns add "$1" &&
		ip link add eth0 netns "$1" type veth peer name "to-$1" netns internet &&
		ip -n internet link set "to-$1" master switch up &&
		ip -n "$1" link set lo up &&
		ip -n "$1" addr add "$(public "$1")/24" dev eth0 &&
		ip -n "$1" link set eth0 up
}

make_internet() {
	ip netns add internet &&
		ip -n internet link add switch type bridge &&
		ip -n internet link set switch up
}

# spark distributes the command weft to the fleet, signed with a key that only the fleet's owner has.
make_release() {
	cp /weft/tools/weft "$work/release" &&
		openssl genpkey -algorithm ed25519 -out "$work/owner.key" &&
		openssl pkey -in "$work/owner.key" -pubout -out "$work/owner.pub" &&
		openssl pkeyutl -sign -rawin -inkey "$work/owner.key" -in "$work/release" -out "$work/release.sig"
}

# Changes one byte in the middle.
tamper() { # tamper FILE OUTPUT
	local at=$(($(stat -c %s "$1") / 2)) byte

	byte=$(od -An -tu1 -j "$at" -N 1 "$1")
	cp "$1" "$2" || return 1
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$(printf %x $((byte ^ 255)))" | dd of="$2" bs=1 seek="$at" conv=notrunc status=none
	! cmp -s "$1" "$2"
}

make_zone() {
	cp "$demo_dir/demo.zone" "$work/zone" &&
		awk 'BEGIN { for (i = 1; i <= 1500; i++)
			printf "customer-%04d\tIN\tAAAA\t2001:db8:%x:%x::%x\n", i, i, i * 7, i * 31 % 4096 }' >>"$work/zone"
}

start_web() { # start_web NODE: on every address of the server, the public one included
	local root=$work/www-$1

	mkdir -p "$root" &&
		echo "$1 is well" >"$root/health" &&
		in_background "$1" "$work/web-$1.log" busybox httpd -f -p 80 -h "$root" &&
		wait_until port_open "$1" 80
}

port_open() { # port_open NODE PORT
	[ -n "$(on "$1" ss -Htln "sport = :$2")" ]
}

# A UTS namespace gives each server a host name of its own.
start_sshd() { # start_sshd NODE
	local home=$work/ssh-$1

	mkdir -p "$home" /run/sshd &&
		ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$home/host" &&
		cat >"$home/config" <<-END &&
			HostKey $home/host
			PidFile none
			AuthorizedKeysFile $work/login.pub
			PasswordAuthentication no
			StrictModes no
			UseDNS no
			KexAlgorithms curve25519-sha256
		END
		in_background "$1" "$home/log" unshare --uts sh -c "hostname $1 && exec /usr/sbin/sshd -D -e -f $home/config" &&
		awk -v hosts="$(inside "$1"),$(public "$1")" '{ print hosts, $1, $2 }' "$home/host.pub" >>"$work/known_hosts" &&
		wait_until port_open "$1" 22
}

# An HTTP request over a bash socket; the reply is a head, an empty line and the file.
fetch() { # fetch NODE ADDRESS PATH OUTPUT
	printf 'GET /%s HTTP/1.0\r\n\r\n' "$3" | on "$1" socat -t "$patience" - "TCP:$2:80" >"$work/reply" || return 1
	head -n 1 "$work/reply" | grep '^HTTP/1.[01] 200 ' >/dev/null || { head -n 1 "$work/reply"; return 1; }
	LC_ALL=C sed '1,/^\r$/d' "$work/reply" >"$4"
}

make_servers() {
	local node

	umask 077
	check "there is an internet: one switch" make_internet
	for node in "${nodes[@]}"; do
		check "$node is on it, at $(public "$node")" plug_in "$node"
	done
	ssh-keygen -q -t ed25519 -N '' -C owner -f "$work/login" && make_zone
	for node in "${nodes[@]}"; do
		check "$node runs a web server and an SSH server" eval "start_web $node && start_sshd $node"
	done
	cp "$work/zone" "$work/www-ember/fleet.example.zone"
	check "litespeed reaches spark at its public address" on litespeed ping -n -q -c 1 -W 5 "$(public spark)"
	check "and there is no private network yet: $(inside spark) is unknown" \
		not on litespeed ping -n -q -c 1 -W 2 "$(inside spark)"
}

not() {
	! "$@"
}

# ---- the observer ----

# The capture's ring has a slot of the largest packet's size for each packet: it has room for 512.
observe() { # observe NAME: on the switch, from now on
	in_background internet "$work/$1.log" tcpdump --immediate-mode -U -n -s 65535 -B 32768 -i switch -w "$work/$1.pcap" -Z root
	observer=$last_pid
	wait_until grep -q 'listening on' "$work/$1.log"
}

stop_observing() {
	sleep 0.2
	kill -INT "$observer" && wait "$observer"
}

packets() { # packets NAME FILTER: one line for each
	tcpdump -nn -q -Z root -r "$work/$1.pcap" "$2" 2>/dev/null
}

# Counts the lines of the zone file that the capture contains. Short lines could match by accident.
lines_seen() { # lines_seen NAME
	awk 'length > 24' "$work/zone" >"$work/zone-lines"
	grep -aoFf "$work/zone-lines" "$work/$1.pcap" | sort -u | wc -l
}

# ---- 3: hub and spoke ----

make_keys() { # make_keys NODE
	weft genkey >"$work/$1.key" && weft pubkey <"$work/$1.key" >"$work/$1.pub"
}

key() {
	cat "$work/$1.pub"
}

hub_config() {
	local node

	printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\n' "$(cat "$work/ember.key")"
	for node in litespeed spark; do
		printf '\n[Peer]\nPublicKey = %s\nAllowedIPs = %s/32, %s/128\n' \
			"$(key $node)" "$(inside $node)" "$(inside6 $node)"
	done
}

spoke_config() { # spoke_config NODE
	printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\n' "$(cat "$work/$1.key")"
	printf '\n[Peer]\nPublicKey = %s\nEndpoint = %s:51820\n' "$(key ember)" "$(public ember)"
	printf 'AllowedIPs = 10.77.0.0/24, fd77::/64\nPersistentKeepalive = 25\n'
}

show_config() { # show_config NODE
	printf '   %s\n' "$(paint 36 "$1# cat weft0.conf")"
	sed 's/^PrivateKey = .*/PrivateKey = (not for your eyes)/; s/^/     /' "$work/$1.conf"
}

tunnel_up() { # tunnel_up NODE
	on "$1" ip link add weft0 type weft &&
		on "$1" weft setconf weft0 "$work/$1.conf" &&
		on "$1" ip addr add "$(inside "$1")/24" dev weft0 &&
		on "$1" ip addr add "$(inside6 "$1")/64" dev weft0 nodad &&
		on "$1" ip link set weft0 up
}

has_session() { # has_session NODE WITH
	[ "$(on "$1" weft show weft0 latest-handshakes | awk -v key="$(key "$2")" '$1 == key { print $2 }')" -gt 0 ]
}

# The time to live shows the number of routers on the path: 64 less one for each.
ping_with_ttl() { # ping_with_ttl FROM ADDRESS TTL
	wait_until on "$1" ping -n -c 1 -W 2 "$2" || return 1
	on "$1" ping -n -c 2 -i 0.2 -W 5 "$2" | tee "$work/ping" >&2
	[ "$(grep -c "ttl=$3 " "$work/ping")" = 2 ]
}

hub_and_spoke() {
	local node

	check "the kernel takes the module weft" modprobe weft
	for node in "${nodes[@]}"; do
		check "$node has made a key of its own" make_keys "$node"
	done
	hub_config >"$work/ember.conf"
	spoke_config litespeed >"$work/litespeed.conf"
	spoke_config spark >"$work/spark.conf"
	show_config spark
	observe private
	check "ember forwards packets between its peers" \
		on ember sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	for node in "${nodes[@]}"; do
		check "$node has a tunnel interface, weft0, with $(inside "$node")" tunnel_up "$node"
	done
	check "litespeed and spark have authenticated to ember, and ember to them" \
		eval 'wait_until has_session ember litespeed && wait_until has_session ember spark &&
			has_session litespeed ember && has_session spark ember'
	check "litespeed reaches spark at its private address, in one hop: through ember" \
		ping_with_ttl litespeed "$(inside spark)" 63
	check "and over IPv6" ping_with_ttl spark "$(inside6 litespeed)" 63
	for node in "${nodes[@]}"; do
		show "$node" weft show
	done
}

# ---- 2 and 4: a zone file, and the observer ----

zone_arrived() { # zone_arrived NODE ADDRESS
	rm -f "$work/zone-$1"
	fetch "$1" "$2" fleet.example.zone "$work/zone-$1" &&
		cmp "$work/zone" "$work/zone-$1" &&
		sha256sum "$work/zone" "$work/zone-$1"
}

messages_of() { # messages_of TYPE NAME: a row of the table
	packets "$3" "udp port 51820 and udp[8:4] = $(($1 << 24))" |
		awk -v name="$2" '{ size = $NF; if (!n || size < low) low = size; if (size > high) high = size; n++ }
			END { if (n) printf "%-22s %5d   %s bytes\n", name, n, low == high ? low : low " to " high }'
}

messages_table() { # messages_table NAME
	printf '%-22s %5s\n' message count
	messages_of 1 "handshake initiation" "$1"
	messages_of 2 "handshake response" "$1"
	messages_of 3 "cookie reply" "$1"
	messages_of 4 "data, encrypted" "$1"
}

# A packet other than the four messages would be a leak.
only_messages() { # only_messages NAME
	local all known

	all=$(packets "$1" "ip" | wc -l)
	known=$(messages_table "$1" | awk 'NR > 1 { sum += $(NF - (/ to /? 4 : 2)) } END { print sum + 0 }')
	echo "$all packets, $known of them WireGuard messages"
	[ "$all" -gt 0 ] && [ "$all" = "$known" ]
}

# Two copies of the zone have passed the observer.
nothing_read() {
	local captured size read

	captured=$(stat -c %s "$work/private.pcap")
	size=$(stat -c %s "$work/zone")
	read=$(lines_seen private)
	cat "$work/private.log"
	echo "$captured bytes captured, two zones of $size bytes moved, $read lines read"
	grep -q '^0 packets dropped by kernel' "$work/private.log" && [ "$captured" -gt $((2 * size)) ] && [ "$read" = 0 ]
}

# The control: the observer can read unencrypted packets.
move_zone_publicly() {
	local lines readable

	observe public
	check "litespeed has the zone from $(public ember)" zone_arrived litespeed "$(public ember)"
	stop_observing
	readable=$(lines_seen public)
	lines=$(wc -l <"$work/zone-lines")
	check "the observer has read $readable of its $lines lines" test "$readable" -ge $((lines * 9 / 10))
}

move_zone() {
	check "litespeed has the zone from $(inside ember), every byte the same" zone_arrived litespeed "$(inside ember)"
	check "and so has spark" zone_arrived spark "$(inside ember)"
	stop_observing
	check "the observer has read not one line of it" nothing_read
	check "all that it has seen, from the first packet of the tunnel on, are WireGuard messages:" only_messages private
	messages_table private | sed 's/^/       /'
}

# ---- 5: a signed program ----

signature_good() { # signature_good FILE
	openssl pkeyutl -verify -rawin -pubin -inkey "$work/owner.pub" -in "$1" -sigfile "$work/arrived.sig"
}

program_arrived() {
	fetch litespeed "$(inside spark)" weft "$work/arrived" &&
		fetch litespeed "$(inside spark)" weft.sig "$work/arrived.sig" &&
		cmp "$work/release" "$work/arrived"
}

program_runs() {
	chmod +x "$work/arrived" && on litespeed "$work/arrived" --version
}

tampered_refused() {
	fetch litespeed "$(inside spark)" weft.tampered "$work/tampered" &&
		cmp "$work/tampered" "$work/www-spark/weft.tampered" &&
		! signature_good "$work/tampered" &&
		grep -q 'Signature Verification Failure' "$work/output"
}

move_program() {
	check "the owner has signed a program" make_release
	check "a copy with one changed byte is there, too" tamper "$work/release" "$work/www-spark/weft.tampered"
	cp "$work/release" "$work/www-spark/weft"
	cp "$work/release.sig" "$work/www-spark/weft.sig"
	check "litespeed has fetched program and signature from spark ($(stat -c %s "$work/release") bytes, through ember)" \
		program_arrived
	check "the signature is the owner's" signature_good "$work/arrived"
	check "so litespeed runs it" program_runs
	check "the changed copy arrives as well, and is refused" tampered_refused
}

# ---- 6: mesh ----

# The hub's allowed IPs are reduced to its own address, and the other spoke becomes a peer.
join_mesh() { # join_mesh NODE OTHER
	on "$1" weft set weft0 \
		peer "$(key ember)" allowed-ips "$(inside ember)/32,$(inside6 ember)/128" \
		peer "$(key "$2")" endpoint "$(public "$2"):51820" allowed-ips "$(inside "$2")/32,$(inside6 "$2")/128"
}

handshake_time() { # handshake_time NODE WITH
	on "$1" weft show weft0 latest-handshakes | awk -v key="$(key "$2")" '$1 == key { print $2 }'
}

same_session() { # same_session NODE WITH TIME
	on "$1" ping -n -q -c 1 -W 5 "$(inside "$2")" && [ "$(handshake_time "$1" "$2")" = "$3" ]
}

full_mesh() {
	local before node

	before=$(handshake_time litespeed ember)
	check "litespeed knows spark directly" join_mesh litespeed spark
	check "spark knows litespeed directly" join_mesh spark litespeed
	check "ember no longer forwards" on ember sysctl -q -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	check "litespeed reaches spark with no hop between" ping_with_ttl litespeed "$(inside spark)" 64
	check "and over IPv6" ping_with_ttl spark "$(inside6 litespeed)" 64
	check "the session with ember has lived on through the change" same_session litespeed ember "$before"
	for node in "${nodes[@]}"; do
		show "$node" weft show
	done
}

# ---- 7: health ----

healthy() { # healthy FROM TO
	fetch "$1" "$(inside "$2")" health "$work/health" && cat "$work/health" &&
		[ "$(cat "$work/health")" = "$2 is well" ]
}

health_checks() {
	local from to

	while read -r from to; do
		check "$from asks $to: \"$to is well\"" healthy "$from" "$to"
	done < <(pairs)
}

# ---- 8: doors closed ----

# All TCP from the internet is refused; the tunnel's UDP port stays open.
close_doors() { # close_doors NODE
	on "$1" nft -f - <<-END
		table inet doors {
			chain input {
				type filter hook input priority filter; policy accept;
				ct state established,related accept
				iifname "eth0" meta l4proto tcp reject with tcp reset
			}
		}
	END
}

shell_on() { # shell_on FROM ADDRESS COMMAND
	on "$1" ssh -n -F none -i "$work/login" -o BatchMode=yes -o ConnectTimeout=10 -o StrictHostKeyChecking=yes \
		-o UserKnownHostsFile="$work/known_hosts" -o GlobalKnownHostsFile=none "root@$2" "$3"
}

# The host key, name and address identify the answering machine.
shell_answers() { # shell_answers FROM TO ADDRESS
	local answer

	answer=$(shell_on "$1" "$3" 'hostname; ip -brief address show weft0') || return 1
	echo "$answer"
	[ "$(head -n 1 <<<"$answer")" = "$2" ] && grep -qF "$(inside "$2")/24" <<<"$answer"
}

refused() { # refused FROM TO
	local complaint

	complaint=$(shell_on "$1" "$(public "$2")" true 2>&1) && return 1
	echo "$complaint"
	grep -q 'Connection refused' <<<"$complaint" && web_refused "$1" "$2"
}

web_refused() { # web_refused FROM TO
	local complaint

	complaint=$(fetch "$1" "$(public "$2")" health "$work/health" 2>&1) && return 1
	echo "$complaint"
	grep -q 'Connection refused' <<<"$complaint"
}

closed_doors() {
	local node from to

	check "before: spark's public address accepts connections" shell_answers litespeed spark "$(public spark)"
	for node in "${nodes[@]}"; do
		check "$node has closed every TCP port at $(public "$node")" close_doors "$node"
	done
	while read -r from to; do
		check "$from to $to: a shell through the tunnel, at $(inside "$to")" \
			shell_answers "$from" "$to" "$(inside "$to")"
		check "$from to $to: refused at $(public "$to"), SSH and web alike" refused "$from" "$to"
	done < <(pairs)
}

# ---- 9: speed ----

# In-tree WireGuard between the same two servers, with a port and addresses of its own.
in_tree_up() { # in_tree_up NODE OTHER
	on "$1" ip link add wg0 type wireguard &&
		on "$1" weft set wg0 listen-port 51821 private-key "$work/$1.key" peer "$(key "$2")" \
			endpoint "$(public "$2"):51821" allowed-ips "10.78.0.${number[$2]}/32" &&
		on "$1" ip addr add "10.78.0.${number[$1]}/24" dev wg0 &&
		on "$1" ip link set wg0 up
}

measure() { # measure FILE ADDRESS: adds the speed in Mbit/s to the file
	local speed

	speed=$(on ember iperf3 -c "$2" -n 6M -f m | awk '/receiver/ { print $7 }')
	echo "$2: $speed Mbit/s"
	[ -n "$speed" ] && echo "$speed" >>"$1"
}

measure_all() {
	local run

	for run in first second; do
		echo "$run:"
		measure "$work/speed-weft" "$(inside litespeed)" || return 1
		measure "$work/speed-wireguard" 10.78.0.2 || return 1
	done
	# The comparison needs the same number of runs for each.
	[ "$(wc -l <"$work/speed-weft")" = 2 ] && [ "$(wc -l <"$work/speed-wireguard")" = 2 ]
}

speed_table() {
	paste "$work/speed-weft" "$work/speed-wireguard" | awk '
		{ printf "       round %d: weft %6.1f Mbit/s, in-tree wireguard %6.1f Mbit/s\n", NR, $1, $2; w += 1 / $1; g += 1 / $2 }
		END { printf "       weft moves %.2f times what in-tree wireguard moves in the same time.\n", g / w }'
}

compare_speed() {
	check "the same two servers also have a tunnel of in-tree wireguard, set up by the command weft" \
		eval 'modprobe wireguard && in_tree_up ember litespeed && in_tree_up litespeed ember &&
			wait_until on ember ping -n -q -c 1 -W 2 10.78.0.2'
	in_background litespeed "$work/iperf3.log" iperf3 -s
	wait_until port_open litespeed 5201
	check "four runs of 6 MB of TCP from ember to litespeed, taking turns" measure_all
	[ ! -s "$work/speed-wireguard" ] || speed_table
}

# ---- 10: taking it down ----

# The kernel removes the namespaces, and their interfaces, in the background.
unload() {
	local node

	kill "${background[@]}" 2>/dev/null
	wait
	for node in "${nodes[@]}" internet; do
		ip netns delete "$node" || return 1
	done
	wait_until rmmod weft
}

no_kernel_warning() {
	! dmesg | grep -E 'WARNING:|BUG:|Oops|general protection|refcount_t|UBSAN|stall|waiting for .* to become free'
}

take_down() {
	check "everything is gone, and the module has been unloaded" unload
	check "the kernel log has no warning" no_kernel_warning
}

# ---- all of it ----

summary() {
	local failure

	printf '\n%s\n' "$(paint 1 'What you have seen')"
	if [ ${#failures[@]} = 0 ]; then
		tell <<-END
			Three servers that knew nothing but each other's public keys became one private network. Files moved and
			shells opened through it, while an observer saw only encrypted messages, and no TCP port was left open to
			the world. It was built by one kernel module and one command, and it speaks WireGuard: any WireGuard could
			join.

		END
		printf '   %s\n' "$(paint '1;32' "All $passed checks passed.")"
		return 0
	fi
	printf '   %s\n' "$(paint '1;31' "$passed checks passed, but ${#failures[@]} did not:")"
	for failure in "${failures[@]}"; do
		printf '   %s %s\n' "$(paint 31 '✗')" "$failure"
	done
	return 1
}

main() {
	printf '%s\n' "$(paint 1 "weft: a private network for three servers (Linux $(uname -r))")"
	tell <<-END
		Every line with a check mark has just been verified. The servers are namespaces in this virtual machine: each
		has its own addresses, routes and firewall, as three machines would.
	END

	step "Three servers on the internet"
	make_servers

	step "Without a tunnel, somebody reads along"
	tell <<-END
		ember publishes a DNS zone over plain HTTP. An observer sits at the switch and writes down every packet.
	END
	move_zone_publicly

	step "Hub and spoke: ember in the centre"
	tell <<-END
		Each server makes a key pair and keeps the private half. litespeed and spark (the spokes) are told where ember
		(the hub) is and which public key it has. ember is only told their public keys: it learns where they are when
		they call. This is all of the configuration that a spoke needs:
	END
	hub_and_spoke

	step "The same zone, through the tunnel"
	tell <<-END
		Still plain HTTP inside, and the observer has been writing since before the first handshake.
	END
	move_zone

	step "A program moves with its signature"
	tell <<-END
		spark has a program for litespeed. litespeed knows the owner's public signing key (Ed25519) and runs nothing else.
	END
	move_program

	step "Full mesh: everybody with everybody"
	tell <<-END
		Why go through ember? One command on each spoke, and they talk directly.
	END
	full_mesh

	step "Health checks"
	health_checks

	step "Closed doors"
	tell <<-END
		Each server's firewall now refuses every TCP connection from the internet. Only the tunnel's UDP port stays open,
		and it answers nobody who has no key. Can the owner still get a shell everywhere?
	END
	closed_doors

	step "How fast?"
	tell <<-END
		Both do the same work on the same emulated CPU, where each instruction takes one nanosecond: so what counts is the
		ratio. It repeats to within a few percent, whatever else your machine is doing.
	END
	compare_speed

	step "Taking it down"
	take_down

	summary
}

main
status=$?
rm -rf "$work"
exit $status
