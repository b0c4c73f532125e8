#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many tunnels run for long over bad links: TCP streams between a hub and each of its spokes continue while endpoints
# move, sessions are renewed and keys replaced. At the end every byte is accounted for, and memory and peers are as at
# the start.
#
#	 s1 wt0 10.9.1.1     s2 wt0 10.9.1.2      ...  each of u0, h1, h2 ...: 2 % of the packets lost, 2 % twice,
#	 u0 10.77.1.1        u0 10.77.1.2              20 ms late, give or take 10: so they overtake each other
#	    |                   |
#	    h1 ---- br0 ------- h2                     namespace hub: br0 10.77.0.1, wt0 10.9.0.1
#
# SOAK_MINUTES of guest time (default 60), in which SOAK_PEERS spokes (default 50) move to the address 10.77.2.N and
# back. The CPU is counted in instructions, so idle time costs nothing. make soak runs it, or make check-debug
# TESTS=soak.
# vm: icount
# kernel: slab_debug=FZP;FZPU,kmalloc-32
# timeout: 20000
# shellcheck source=selftests/kselftest/lib.sh
. "$(dirname "$0")/../kselftest/lib.sh"

skip_unless_weft
minutes=${SOAK_MINUTES:-60}
spokes=${SOAK_PEERS:-50}
line=(netem limit 10000 delay 20ms 10ms loss 2% duplicate 2%)
# All keys are erased after 540 s without a session.
forgotten_s=600
traces=/sys/kernel/debug/slab/kmalloc-32/alloc_traces

# Segmentation happens before the qdisc, so that each message is a packet there.
spoke_create() { # spoke_create NUMBER
	ns_create "s$1"
	ip link add u0 netns "$(ns_name "s$1")" gso_max_segs 1 type veth peer name "h$1" netns "$(ns_name hub)" gso_max_segs 1
	ns_ip_batch "s$1" "addr add 10.77.1.$1/16 dev u0" "link set u0 up" "link add wt0 type weft"
	tc -n "$(ns_name "s$1")" qdisc add dev u0 root "${line[@]}"
	account "s$1"
	ns "s$1" weft set wt0 listen-port 51820 private-key "$(key_file "s$1")" peer "$(public_key hub)" \
		endpoint 10.77.0.1:51820 allowed-ips 10.9.0.0/16
	ns_ip_batch "s$1" "addr add 10.9.1.$1/16 dev wt0" "link set wt0 up"
}

hub_create() {
	ns_create hub
	new_key hub
	ns_ip_batch hub "link add br0 type bridge" "addr add 10.77.0.1/16 dev br0" "link set br0 up" "link add wt0 type weft"
	account hub
	ns hub weft set wt0 listen-port 51820 private-key "$(key_file hub)"
	ns_ip_batch hub "addr add 10.9.0.1/16 dev wt0" "link set wt0 up"
}

hub_knows() { # hub_knows NUMBER
	ns_ip_batch hub "link set h$1 master br0" "link set h$1 up"
	tc -n "$(ns_name hub)" qdisc add dev "h$1" root "${line[@]}"
	ns hub weft set wt0 peer "$(public_key "s$1")" allowed-ips "10.9.1.$1/32"
}

# Only the tunnels use UDP here.
account() { # account NS
	ns "$1" nft -f - <<-'END'
		table ip soak {
			counter sent { }
			counter came { }
			chain output { type filter hook output priority 300; meta l4proto udp counter name sent; }
			chain input { type filter hook input priority 300; meta l4proto udp counter name came; }
		}
	END
}

accounted() { # accounted NS NAME: sets packets and bytes
	read -r packets bytes < <(ns "$1" nft list counter ip soak "$2" | awk '$1 == "packets" { print $2, $4 }')
}

# In the foreground: polling for its end would cost more than all the rest.
soak() {
	ns hub python3 "$test_dir/soak.py" soak $((minutes * 60)) "$spokes" "$(ns_name hub)" "$(ns_name s%d)" "$(key_file s%d)" \
		>"$lib_work/soak" || { cat "$lib_work/soak"; fail "status $? of soak.py"; }
	note "figure $(tail -n 1 "$lib_work/soak")"
}

# A tunnel's sent messages equal the bytes that left; each is 28 bytes larger outside.
sent_is_accounted() {
	local number tx packets bytes sum=0

	for ((number = 1; number <= spokes; number++)); do
		accounted "s$number" sent
		tx=$(ns "s$number" weft show wt0 dump | awk 'NR == 2 { print $7 }')
		expect_eq "bytes that spoke $number has sent" "$tx" $((bytes - 28 * packets))
		sum=$((sum + tx))
	done
	note "figure spokes sent $sum bytes"
}

# Sets received, dropped and unheard, and packets, once the count is stable: a keepalive may come late.
account_for_came() { # account_for_came NS
	local before='' bytes

	packets=''
	until [ -n "$before" ] && [ "$before" = "$packets" ]; do
		accounted "$1" came
		before=$packets
		received=$(link_stat "$1" wt0 rx_packets)
		dropped=$(ns "$1" ethtool -S wt0 | awk '$1 ~ /^rx_drop_/ { n += $2 } END { print n + 0 }')
		unheard=$(ns "$1" nstat -asz UdpNoPorts UdpInErrors | awk '$1 ~ /^Udp/ { n += $2 } END { print n + 0 }')
		accounted "$1" came
	done
}

# Each incoming message was received, or dropped under a counted reason, or came without a socket.
came_is_accounted() {
	local name packets received dropped unheard sum=0 sum_dropped=0

	for name in hub $(seq -f s%g "$spokes"); do
		account_for_came "$name"
		expect_eq "messages that came to $name" $((received + dropped + unheard)) "$packets"
		sum=$((sum + received)) sum_dropped=$((sum_dropped + dropped))
	done
	note "figure $sum messages received, $sum_dropped dropped as replays and the like"
}

sessions_were_renewed() {
	local sum

	sum=$(ns hub weft metrics wt0 | awk '/^weft_peer_handshakes_completed_total/ { n += $NF } END { print n }')
	note "figure $sum handshakes"
	expect_ge "handshakes" "$sum" $((spokes * minutes / 3))
}

all_idle() {
	[ "$(ns hub weft metrics wt0 | grep -c '^weft_peer_state.*"idle".* 1$')" = "$spokes" ]
}

peers_are_as_before() {
	expect_eq "peers of the hub" "$(ns hub weft show wt0 peers | wc -l)" "$spokes"
	pause $forgotten_s
	wait_for 60 all_idle
}

# Objects in each of the kernel's caches that packets, sessions and peers come from, after free slabs are released. If
# references are tracked and slabs have no owners, objects of 32 bytes are not counted.
slab() {
	local cache uncounted=none

	[ "$SLOW" = 1 ] || [ -e $traces ] || uncounted=kmalloc-32

	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache" 2>/dev/null || true
	done
	awk -v trackers="$(trackers)" -v uncounted="$uncounted" '$1 ~ /^(kmalloc|skbuff|weft|recv_batch)/ && $1 != uncounted {
		print $1, $1 == "kmalloc-32" ? $2 - trackers : $2
	}' /proc/slabinfo | sort
}

# The kernel's reference trackers of namespaces and devices: it keeps the last 128 for each, to detect a second release.
# Without the owners of allocations it has none.
trackers() {
	[ -e $traces ] || { echo 0; return; }
	awk '/^ +[0-9]+ ref_tracker_alloc/ { n += $1 } END { print n + 0 }' $traces
}

# An hour has some 30 renewals of each session, so that a leak in each would show. Caches keep a few objects themselves.
memory_is_as_before() {
	local worst

	worst=$(slab | join "$lib_work/slab" - | awk '{ print $3 - $2, $1 }' | sort -n | tail -n 1)
	note "figure objects more than before, at most: $worst; $(trackers) notes of references"
	expect_le "objects more than before" "${worst% *}" $((spokes * 8 + 64))
}

# New namespaces inherit the first one's settings. The removal of an address keeps the others of its network.
settings_create() {
	sysctl -qw net.core.devconf_inherit_init_net=1 net.ipv6.conf.default.disable_ipv6=1 net.ipv4.conf.all.promote_secondaries=1
	defer sysctl -qw net.core.devconf_inherit_init_net=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv4.conf.all.promote_secondaries=0
}

all_create() {
	local number

	settings_create
	hub_create
	python3 "$test_dir/soak.py" keys "$spokes" "$(key_file s%d)"
	for ((number = 1; number <= spokes; number++)); do
		spoke_create "$number"
		hub_knows "$number"
	done
}

all_create
slab >"$lib_work/slab"
run_case "streams are complete after $minutes minutes" soak
run_case "sessions were renewed" sessions_were_renewed
run_case "sent messages are accounted for" sent_is_accounted
run_case "received messages are accounted for" came_is_accounted
run_case "peers are idle again" peers_are_as_before
run_case "memory is freed" memory_is_as_before
