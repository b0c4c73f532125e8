#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demo itself, in the VM that run.sh boots. Each server is a machine of its own as far as its programs can see: network,
# files, host name and SSH server are (selftests/fleet/node.sh). The namespace "internet" has the switches between them.
#
#	 controller        ember             litespeed         spark             cinder
#	                   10.77.0.1         10.77.0.2         10.77.0.3         10.77.0.4        prod: the fleet
#	 203.0.113.254     203.0.113.11      203.0.113.12      203.0.113.13      203.0.113.14     eth0: the public address
#	      |                 |                 |                 |                 |
#	      +-----------------+-----------------+-----------------+-----------------+           "switch"
#	                   198.51.100.11     198.51.100.12                                        eth1: the second line
#	                        +-----------------+                                               "second"
#
# PLAYBOOKS=1: the fleet is made by Ansible (playbooks.sh), otherwise by `weft fleet` (commands.sh).
# check() prints a check mark after its command has succeeded; no other function prints one.
# shellcheck disable=SC2317 # most of the functions are called by check()
set -u -o pipefail

nodes=(ember litespeed spark)
declare -A number=([ember]=1 [litespeed]=2 [spark]=3 [cinder]=4) machine=()
# Only for commands that may hang; in seconds of the guest.
patience=30
# Below /run, which all machines share.
work=/run/demo
mkdir $work
demo_dir=$(cd "$(dirname "$0")" && pwd)
passed=0
failures=()
background=()
step_number=0
# Milliseconds between two datagrams of a pair.
pace=20
[ -z "${EMULATED-}" ] || pace=50
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
	at "$@" 2>&1 | sed 's/^/     /'
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

# With the server's network alone, or with its files, too.

on() { # on NODE COMMAND...
	local node=$1

	shift
	timeout "$patience" nsenter --net="/run/netns/$node" "$@"
}

at() { # at NODE COMMAND...
	local node=$1

	shift
	timeout "$patience" nsenter --target "${machine[$node]}" --net --mount --root --uts "$@"
}

public() { echo "203.0.113.1${number[$1]}"; }
inside() { echo "10.77.0.${number[$1]}"; }

# The first two servers have a second line.
endpoints() {
	local second=,198.51.100.1${number[$1]}:51820

	[ "${number[$1]}" -le 2 ] || second=''
	echo "$(public "$1"):51820$second"
}

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

# ---- servers ----

plug_in() { # plug_in NODE [SWITCH ADDRESS DEVICE]: a cable to the switch, and an address
	local node=$1 switch=${2:-switch} address=${3:-$(public "$1")} device=${4:-eth0}

	ip link add "$device" netns "$node" type veth peer name "$device-$node" netns internet &&
		ip -n internet link set "$device-$node" master "$switch" up &&
		ip -n "$node" addr add "$address/24" dev "$device" &&
		ip -n "$node" link set "$device" up
}

make_internet() {
	local switch

	ip netns add internet || return
	for switch in switch second; do
		ip -n internet link add "$switch" type bridge && ip -n internet link set "$switch" up || return
	done
}

make_controller() {
	ip netns add controller && plug_in controller switch 203.0.113.254 && fleet_prepare
}

# Its SSH server lets the controller in, and is the first process of its namespaces.
make_server() { # make_server NODE
	ip netns add "$1" && ip -n "$1" link set lo up && plug_in "$1" || return
	[ "${number[$1]}" -gt 2 ] || plug_in "$1" second "198.51.100.1${number[$1]}" eth1 || return
	in_background "$1" "$work/$1.log" unshare --mount --uts "${play_machine[@]}" bash "$demo_dir/../fleet/node.sh" "$1" "$work/machines" || return
	machine[$1]=$last_pid
	wait_until port_open "$1" 22 && fleet_meet "$1"
}

publish_zone() {
	make_zone && start_web ember && cp "$work/zone" "$work/www-ember/fleet.example.zone"
}

port_open() { # port_open NODE PORT
	[ -n "$(on "$1" ss -Htln "sport = :$2")" ]
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

publish_zone() {
	make_zone && start_web ember && cp "$work/zone" "$work/www-ember/fleet.example.zone"
}

port_open() { # port_open NODE PORT
	[ -n "$(on "$1" ss -Htln "sport = :$2")" ]
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
	check "there is an internet, and a controller on it" eval 'make_internet && make_controller'
	modprobe weft
	for node in "${nodes[@]}"; do
		check "$node is on it, at $(public "$node"), with an SSH server and nothing else" make_server "$node"
	done
	check "litespeed reaches spark at its public address" on litespeed ping -n -q -c 1 -W 5 "$(public spark)"
}

not() {
	! "$@"
}

# ---- the observer ----

# The capture's ring has a slot of the largest packet's size for each packet: it has room for 512.
observe() { # observe NAME: on the switch, from now on; the controller's SSH is not of interest
	in_background internet "$work/$1.log" tcpdump --immediate-mode -U -n -s 65535 -B 32768 -i switch -w "$work/$1.pcap" -Z root \
		not host 203.0.113.254
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

# ---- the fleet ----

ping_each() { # ping_each NODE...: each to each other
	local from to

	for from; do
		for to; do
			[ "$from" = "$to" ] || wait_until on "$from" ping -n -q -c 1 -W 2 "$(inside "$to")" || return
		done
	done
}

build_fleet() {
	observe private
	fleet_build
	check "each of the three reaches each other at its private address" ping_each "${nodes[@]}"
	show ember weft fleet status prod
	check "doctor finds nothing wrong on ember" at ember weft doctor prod
}

# ---- a zone file, and the observer ----

zone_arrived() { # zone_arrived NODE ADDRESS
	rm -f "$work/zone-$1"
	fetch "$1" "$2" fleet.example.zone "$work/zone-$1" &&
		cmp "$work/zone" "$work/zone-$1" &&
		sha256sum "$work/zone" "$work/zone-$1"
}

row() { # row WORDS NAME FILTER: of the table
	packets "$2" "$3" |
		awk -v words="$1" '{ size = $NF; if (!n || size < low) low = size; if (size > high) high = size; n++ }
			END { if (n) printf "%-22s %5d   %s bytes\n", words, n, low == high ? low : low " to " high }'
}

messages_of() { # messages_of TYPE: a filter
	echo "udp port 51820 and udp[8:4] = $(($1 << 24))"
}

# A server whose tunnel is not up yet answers the first initiations with an ICMP error.
messages_table() { # messages_table NAME
	printf '%-22s %5s\n' message count
	row "handshake initiation" "$1" "$(messages_of 1)"
	row "handshake response" "$1" "$(messages_of 2)"
	row "cookie reply" "$1" "$(messages_of 3)"
	row "data, encrypted" "$1" "$(messages_of 4)"
	row "ICMP, no tunnel yet" "$1" "icmp[icmptype] = icmp-unreach and icmp[36:4] = $((1 << 24))"
}

# Any other packet would be a leak.
only_messages() { # only_messages NAME
	local all known

	all=$(packets "$1" "ip" | wc -l)
	known=$(messages_table "$1" | awk 'NR > 1 { sum += $(NF - (/ to /? 4 : 2)) } END { print sum + 0 }')
	echo "$all packets, $known of them WireGuard messages"
	packets "$1" "ip and not udp port 51820"
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

	check "ember publishes its zone" publish_zone
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
	check "all that it has seen, from the first packet of the tunnel on, are WireGuard's:" only_messages private
	messages_table private | sed 's/^/       /'
}

# ---- a fourth server ----

add_fourth() {
	nodes+=(cinder)
	check "cinder is on the internet, at $(public cinder)" make_server cinder
	fleet_join cinder
	check "each of the four reaches each other" ping_each "${nodes[@]}"
}

# ---- rotation ----

# Numbered datagrams from every server to every other one, counted at both ends.
transfer_start() {
	local node words=()

	for node in "${nodes[@]}"; do
		words+=("$node=$(inside "$node")")
	done
	PYTHONPATH=$demo_dir/../kselftest/lib python3 "$demo_dir/../kselftest/fleet.py" traffic "$work/over" "$work/ready" "$pace" "${words[@]}" >"$work/transfer" 2>&1 </dev/null &
	transfer=$!
	wait_until test -e "$work/ready"
}

transfer_end() {
	touch "$work/over"
	wait "$transfer" && cat "$work/transfer" &&
		tail -n 1 "$work/transfer" | grep -E '^[1-9][0-9]{2,} sent, [0-9]+ received, 0 lost, 0 double, 0 errors$'
}

public_keys() {
	local node

	for node in "${nodes[@]}"; do
		on "$node" weft show prod public-key
	done | sort
}

all_keys_new() {
	public_keys >"$work/keys-after"
	cat "$work/keys-before" "$work/keys-after"
	[ "$(wc -l <"$work/keys-after")" = 4 ] && [ -z "$(comm -12 "$work/keys-before" "$work/keys-after")" ]
}

rotate_keys() {
	public_keys >"$work/keys-before"
	check "a transfer runs between all of them, in both directions" transfer_start
	fleet_rotate
	check "every server has another key than before" all_keys_new
	check "not one packet of the transfer was lost, as counted at both ends:" transfer_end
	tail -n 1 "$work/transfer" | sed 's/^/       /'
}

# ---- failing over ----

peer_key() { # peer_key NODE PEER
	on "$1" weft show prod names | awk -v name="$2" '$2 == name { print $1 }'
}

endpoint() { # endpoint NODE PEER
	on "$1" weft show prod endpoints | awk -v key="$(peer_key "$1" "$2")" '$1 == key { print $2 }'
}

second_line_carries() {
	wait_until on litespeed ping -n -q -c 1 -W 1 "$(inside ember)" || return
	endpoint litespeed ember
	[ "$(endpoint litespeed ember)" = 198.51.100.11:51820 ]
}

fail_over() {
	check "litespeed talks to ember at $(public ember)" test "$(endpoint litespeed ember)" = "$(public ember):51820"
	printf '   %s\n' "$(paint 36 "litespeed# ip link set eth0 down")"
	on litespeed ip link set eth0 down
	check "the tunnel goes on over the second line, to 198.51.100.11" second_line_carries
	on litespeed ip link set eth0 up
}

# ---- a stolen server ----

is_out() { # is_out NODE
	local other

	for other in ember litespeed cinder; do
		! on "$1" ping -n -q -c 1 -W 1 "$(inside "$other")" || return
		[ "$(on "$other" weft show prod names | awk -v name="$1" '{ print $2 == name }' | sort | uniq -c | tr -s ' ')" = " 2 0" ] || return
	done
}

lose_server() {
	fleet_revoke spark
	check "spark reaches none of them any more, and none has it as a peer" is_out spark
	show ember weft show prod drops
	check "the three others still reach each other" ping_each ember litespeed cinder
}

# ---- taking it down ----

# The kernel removes the namespaces, and their interfaces, in the background.
unload() {
	local node

	kill "${background[@]}" 2>/dev/null
	wait
	for node in "${nodes[@]}" controller internet; do
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
			Servers that knew nothing became one private network, from one description of it. A fourth joined, every
			key was replaced under traffic, a line failed, and a stolen server was locked out, while an observer saw only
			encrypted messages. The network is one kernel module and one command, and it speaks WireGuard: any WireGuard
			could join.

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
	printf '%s\n' "$(paint 1 "weft: a fleet of servers (Linux $(uname -r); $carrier)")"
	tell <<-END
		Every line with a check mark has just been verified. The servers are namespaces in this virtual machine: each
		has its own addresses, files, host name and SSH server, as real machines would.
	END

	step "Three servers on the internet"
	make_servers

	step "Without a tunnel, somebody reads along"
	tell <<-END
		ember publishes a DNS zone over plain HTTP. An observer sits at the switch and writes down every packet.
	END
	move_zone_publicly

	step "One description makes the fleet"
	build_fleet

	step "The same zone, through the tunnel"
	tell <<-END
		Still plain HTTP inside, and the observer has been writing since before the first handshake.
	END
	move_zone

	step "A fourth server joins"
	add_fourth

	step "New keys everywhere, under traffic"
	tell <<-END
		Each server announces its next key, changes over, and erases the one before. No session ends.
	END
	rotate_keys

	step "A line fails"
	tell <<-END
		The description gives ember two addresses. litespeed's first line is cut.
	END
	fail_over

	step "A server is stolen"
	tell <<-END
		spark has its keys, and knows where everybody is. One signature ends that.
	END
	lose_server

	step "Taking it down"
	take_down

	summary
}

# shellcheck source=selftests/demo/commands.sh
if [ -n "${PLAYBOOKS-}" ]; then . "$demo_dir/playbooks.sh"; else . "$demo_dir/commands.sh"; fi
main
status=$?
rm -rf "$work"
exit $status
