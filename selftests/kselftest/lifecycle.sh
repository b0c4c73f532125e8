#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Links, peers, keys, the module and the machine's memory are removed and restored while packets are in flight.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# series: 6.12
. "$(dirname "$0")/lib.sh"

# Echoes in both directions, with pauses, so that an idle machine still skips its idle time.
traffic_start() {
	ns_run traffic.a a ping -n -q -i 0.01 -s 1000 -W 1 10.9.0.2
	ns_run traffic.b b ping -n -q -i 0.01 -s 1000 -W 1 fd09::1
}

traffic_stop() {
	ns_stop traffic.a INT
	ns_stop traffic.b INT
}

peers_come_and_go() {
	local file=$lib_work/many

	traffic_start
	both_receive 20000
	python3 "$test_dir/lifecycle.py" peers 1000 >"$file"
	# shellcheck disable=SC2046 # words
	tunnel_set a wt0 $(cat "$file")
	expect_eq "peers" "$(peer_count a wt0)" 1001
	both_receive 20000
	# shellcheck disable=SC2046 # words
	tunnel_set a wt0 $(awk '{ print $1, $2, "remove" }' "$file")
	expect_eq "peers" "$(peer_count a wt0)" 1
	both_receive 20000
	traffic_stop
}

# Removes the peer that receives the traffic.
peer_in_use_removed() {
	local i

	traffic_start
	for i in 1 2 3 4 5; do
		both_receive 20000
		peer_remove a wt0 b wt0
		expect_eq "peers" "$(peer_count a wt0)" 0
		peer_add a wt0 b wt0 10.9.0.2/32,fd09::2/128 endpoint 192.0.2.2:51820
	done
	both_receive 20000
	traffic_stop
}

# New keys at both ends, and the old ones again; no message under the old keys is accepted any more.
keys_change() {
	local i old

	traffic_start
	for i in 1 2 3; do
		both_receive 20000
		old=$(tunnel_key a wt0)
		new_key a.wt0
		tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
		tunnel_set b wt0 peer "$old" remove peer "$(tunnel_key a wt0)" allowed-ips 10.9.0.1/32,fd09::1/128 endpoint 192.0.2.1:51820
	done
	both_receive 20000
	traffic_stop
}

link_toggled() {
	local i

	traffic_start
	for i in 1 2 3 4 5; do
		both_receive 20000
		ns_ip a link set wt0 down
		ns_ip a link set wt0 up
		addr_add a wt0 fd09::1/64
	done
	both_receive 20000
	traffic_stop
}

skip_unless_suspendable() {
	[ -w /sys/power/pm_test ] || [ -e /dev/snapshot ] || skip "this kernel cannot be suspended"
}

# The PM notification of a suspend: from the kernel's pm_test, where it exists; otherwise opening the snapshot device
# for reading announces a hibernation.
announce_suspend() {
	if [ -w /sys/power/pm_test ]; then
		echo freezer >/sys/power/pm_test
		echo 0 >/sys/module/suspend/parameters/pm_test_delay
		echo freeze >/sys/power/state
	else
		python3 "$test_dir/lifecycle.py" announce
	fi
}

no_session_drops() {
	if [ "$KIND" = weft ]; then ethtool_stat b wt0 rx_drop_no_session; else echo 0; fi
}

no_session_dropped() { # no_session_dropped COUNT
	[ "$(no_session_drops)" = "$1" ]
}

# Echo requests that b received. Handshakes and keepalives are not counted: during a long test sessions are renewed.
echoes_asked() {
	ns b nstat -asz IcmpInEchos | awk '$1 == "IcmpInEchos" { print $2 }'
}

# Messages that b has received, accepted or dropped for lack of a session.
messages_seen() {
	echo $(($(echoes_asked) + $(no_session_drops)))
}

seen_more() { # seen_more THAN
	[ "$(messages_seen)" -gt "$1" ]
}

# b's filter drops an echo request, which is sent again after COMMAND. Prints how many requests b accepted.
delayed_message() { # delayed_message COMMAND...
	local echoes seen

	expect ns a ping -n -c 1 -W 10 10.9.0.2 >&2
	ns_run delayed b python3 "$test_dir/lifecycle.py" record vb
	wait_for 10 grep -q ready "$(ns_output delayed)"
	ns b nft add table ip weft
	ns b nft 'add chain ip weft pre { type filter hook prerouting priority 0; }'
	ns b nft add rule ip weft pre udp dport 51820 drop
	echoes=$(echoes_asked)
	expect_fail ns a ping -n -c 1 -W 1 10.9.0.2 >&2
	wait_for 10 grep -q recorded "$(ns_output delayed)"
	ns b nft delete table ip weft
	"$@"
	seen=$(messages_seen)
	kill -USR1 "$(cat "$lib_work/runs/delayed.pid")"
	ns_wait delayed
	[ "$KIND" != weft ] || wait_for 10 seen_more "$seen"
	echo $(($(echoes_asked) - echoes))
}

# No earlier message is accepted, and the sender initiates a new session.
suspend_drops_keys() {
	local drops

	skip_unless_suspendable
	drops=$(no_session_drops)
	expect_eq "echoes accepted without a suspend" "$(delayed_message true)" 1
	capture_start resume a va udp
	expect_eq "echoes accepted after a suspend" "$(delayed_message announce_suspend)" 0
	[ "$KIND" != weft ] || wait_for 10 no_session_dropped $((drops + 1))
	# After the recent handshake the first packet starts the next one once 5 s have passed.
	wait_for 10 ns a ping -n -c 1 -W 1 10.9.0.2
	capture_stop resume
	expect_eq "handshakes" "$(capture_count resume "$(type_filter 1)")/$(capture_count resume "$(type_filter 2)")" 1/1
}

handshakes_made() { # handshakes_made NS
	ns "$1" "$WEFT" metrics | grep '^weft_peer_handshakes_completed_total'
}

# After the notification and before memory is written out, processes and workers still run. Both ends have data to
# send, and either could start a handshake.
no_session_while_going_to_sleep() {
	local made_a made_b

	[ -e /dev/snapshot ] || skip "no snapshot device here"
	expect python3 "$test_dir/lifecycle.py" announce
	wait_for 20 ns a ping -n -c 1 -W 1 10.9.0.2
	ns_run sleep a python3 "$test_dir/lifecycle.py" prepare
	wait_for 10 grep -q ready "$(ns_output sleep)"
	made_a=$(handshakes_made a) made_b=$(handshakes_made b)
	expect_match "handshakes" "$made_a$made_b" '[0-9]'
	# Longer than the interval between two retries.
	expect_fail ns a ping -n -i 0.5 -w 7 10.9.0.2
	expect_fail ns b ping -n -i 0.5 -w 7 10.9.0.1
	expect_eq "handshakes of a's meanwhile" "$(handshakes_made a)" "$made_a"
	expect_eq "handshakes of b's meanwhile" "$(handshakes_made b)" "$made_b"
	ns_stop sleep TERM
	wait_for 20 ns a ping -n -c 1 -W 1 10.9.0.2
	expect ns b ping -n -c 1 -W 1 10.9.0.1
}

# The notification to a copy of the VM, which has the same keys and would draw the same random numbers.
announce_copy() {
	echo 1 >/sys/module/weft_fault/parameters/copy
}

copying_drops_keys() {
	modprobe weft_fault 2>/dev/null || skip "no module weft_fault here"
	defer rmmod weft_fault
	attempt announce_copy 2>/dev/null || skip "this kernel has no event for copies of the machine"
	wait_for 20 ns a ping -n -c 1 -W 1 10.9.0.2
	expect_eq "echoes accepted after a copy" "$(delayed_message announce_copy)" 0
	wait_for 10 ns a ping -n -c 1 -W 1 10.9.0.2
}

suspend_under_traffic() {
	local i

	skip_unless_suspendable
	traffic_start
	for ((i = $(sized 5 2); i > 0; i--)); do
		both_receive 20000
		expect announce_suspend
	done
	both_receive 20000
	traffic_stop
}

# The module is unloaded under traffic: after its links are deleted, or with them.
module_unloaded() { # module_unloaded COMMAND...: runs COMMAND before
	local i

	for i in 1 2; do
		ns_ip a link add wt7 type "$KIND"
		ns_ip b link add wt7 type "$KIND"
		tunnel_set_up a wt7 10.17.0.1/24 b 192.0.2.2
		tunnel_set_up b wt7 10.17.0.2/24 a 192.0.2.1
		expect ns a ping -n -c 1 -W 5 10.17.0.2
		ns_run "unload.a" a ping -n -q -i 0.01 -s 1000 -W 1 10.17.0.2
		ns_run "unload.b" b socat -u /dev/zero UDP:10.17.0.1:9,shut-none
		wait_for 10 received wt7 20000
		"$@"
		rmmod "${MODULE:-$KIND}"
		expect_fail ns_ip a link show wt7
		expect_fail ns_ip b link show wt7
		expect_fail test -d "/sys/module/${MODULE:-$KIND}"
		modprobe "$KIND"
		ns_stop unload.a INT
		ns_stop unload.b
	done
}

received() { # received DEV BYTES
	[ "$(link_stat a "$1" rx_bytes)" -gt "$2" ]
}

links_deleted() {
	ns_ip a link del wt7
	ns_ip b link del wt7
}

tunnel_set_up() { # tunnel_set_up NS DEV ADDRESS OTHER ENDPOINT
	[ -e "$(key_file a.wt7)" ] || { new_key a.wt7; new_key b.wt7; }
	echo "$KIND" >"$lib_work/kinds/$1.$2"
	tunnel_set "$1" "$2" listen-port 7007 private-key "$(tunnel_key_file "$1" "$2")"
	peer_add "$1" "$2" "$4" "$2" 10.17.0.0/24 endpoint "$5:7007"
	addr_add "$1" "$2" "$3"
	ns_ip "$1" link set "$2" up
}

# shellcheck disable=SC2119 # without arguments
pair_create
peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
session_up a wt0 b wt0 10.9.0.2
run_case "a thousand peers are added and removed under traffic" peers_come_and_go
run_case "the peer in use is removed and added" peer_in_use_removed
run_case "private keys change under traffic" keys_change
run_case "the link goes down and up under traffic" link_toggled
run_case "suspending drops sessions" suspend_drops_keys
[ "$KIND" != weft ] || run_case "no session begins before the machine is suspended" no_session_while_going_to_sleep
run_case "a copy of the machine drops sessions" copying_drops_keys
run_case "suspending under traffic" suspend_under_traffic
tunnel_delete a wt0
tunnel_delete b wt0
run_case "the module unloads under traffic" module_unloaded links_deleted
run_case "the module unloads under traffic, with its links" module_unloaded true
