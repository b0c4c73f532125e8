#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two CPUs send to one peer at once: each flow arrives in order, and no packet is lost or stuck. TCP, which sends on
# both CPUs, and CPUs that go offline and online.
# vm: smp
# series: 6.1
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 --------------- veth --------------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

packets=${ORDER_PACKETS:-$(sized 4000 2000)}

listening() { # listening NS PORT
	[ -n "$(ns "$1" ss -Huln "sport = :$2")" ]
}

# A sink that finds an error ends, and its source with it: the sinks' status is read first.
flows_end() {
	local run

	for run in sink.0 sink.1 source.0 source.1; do
		ns_wait $run 120 || fail "$run: $(tail -n 1 "$(ns_output $run)")"
	done
}

# Two flows, each sent from a CPU of its own; each sink prints one line.
flows_in_order() { # flows_in_order GSO-SEGMENTS [PACKETS]
	local cpu packets=${2:-$packets}

	for cpu in 0 1; do
		ns_run sink.$cpu b python3 "$test_dir/xmit-order.py" receive 900$cpu "$packets"
		wait_for 20 listening b 900$cpu
	done
	for cpu in 0 1; do
		ns_run source.$cpu a taskset -c $cpu python3 "$test_dir/xmit-order.py" send 10.9.0.2 900$cpu "$packets" "$1"
	done
	flows_end
}

# Both ends count the same bytes, and the next packet delivers no other one: nothing is queued.
drained() {
	expect_eq "a's transmit errors and drops" "$(link_stat a wt0 tx_errors)/$(link_stat a wt0 tx_dropped)" 0/0
	expect_eq "b's receive errors and drops" "$(link_stat b wt0 rx_errors)/$(link_stat b wt0 rx_dropped)" 0/0
	wait_for 5 counts_agree
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	wait_for 5 counts_agree
}

counts_agree() {
	[ "$(peer_field b wt0 a wt0 rx)" = "$(peer_field a wt0 b wt0 tx)" ] &&
		[ "$(peer_field a wt0 b wt0 rx)" = "$(peer_field b wt0 a wt0 tx)" ]
}

both_directions() {
	local cpu names=(a b)

	for cpu in 0 1; do
		ns_run sink.$cpu "${names[1 - cpu]}" python3 "$test_dir/xmit-order.py" receive 900$cpu "$packets"
		wait_for 20 listening "${names[1 - cpu]}" 900$cpu
	done
	for cpu in 0 1; do
		ns_run source.$cpu "${names[cpu]}" taskset -c $cpu \
			python3 "$test_dir/xmit-order.py" send 10.9.0.$((2 - cpu)) 900$cpu "$packets" 8
	done
	flows_end
}

# The sender's and the acknowledgements' CPU both send, and a veth has a queue for each: one segment in 50 may be
# reordered.
tcp_each_way() {
	local bytes before=$(($(udp_stat a TcpExtTCPOFOQueue) + $(udp_stat b TcpExtTCPOFOQueue)))

	bytes=$(sized 5000000 3000000)
	transfer a b 10.9.0.2 "$bytes"
	transfer b a fd09::1 "$bytes" 7008
	expect_le "segments out of order" \
		$(($(udp_stat a TcpExtTCPOFOQueue) + $(udp_stat b TcpExtTCPOFOQueue) - before)) $((2 * bytes / 1368 / 50))
}

# The second CPU goes offline five times during the transfer. A sender that migrates between CPUs may reorder its
# packets, on any device; but no packet is lost.
cpu_comes_and_goes() {
	local i cpu=/sys/devices/system/cpu/cpu1/online

	[ -w $cpu ] || skip "CPU 1 cannot go offline here"
	defer sh -c "echo 1 >$cpu"
	ns_run sink.0 b python3 "$test_dir/xmit-order.py" gather 9000 "$packets"
	wait_for 20 listening b 9000
	ns_run source.0 a python3 "$test_dir/xmit-order.py" send 10.9.0.2 9000 "$packets" 1
	for i in 1 2 3 4 5; do
		echo 0 >$cpu
		expect ns b ping -n -c 2 -i 0.2 -W 5 10.9.0.1
		echo 1 >$cpu
		expect ns b ping -n -c 2 -i 0.2 -W 5 fd09::1
	done
	ns_wait sink.0 120 || fail "$(cat "$(ns_output sink.0)")"
	ns_wait source.0 || fail "$(cat "$(ns_output source.0)")"
}

# Threaded NAPI is a setting of the device, for all of its NAPI instances.
threaded() { # threaded 0|1
	ip netns exec "$(ns_name b)" sh -c "echo $1 >/sys/class/net/wt0/threaded"
}

# A queue that stays full would never be polled again.
threaded_polling() {
	threaded 1
	defer threaded 0
	# The flows fit a queue, even if its thread runs late.
	for _ in 1 2 3 4; do
		flows_in_order 8 "$(scaled 2000)"
	done
	drained
	transfer a b 10.9.0.2 3000000
	drained
}

# The device is polled with a budget of 0 while packets arrive.
polled_for_nothing() {
	modprobe weft_fault 2>/dev/null || skip "no module weft_fault here"
	defer rmmod weft_fault
	ns_run sink b socat -u TCP-LISTEN:7010,reuseaddr OPEN:/dev/null
	wait_for 20 tcp_listening b 7010
	ns_run "source" a socat -u OPEN:/dev/zero TCP:10.9.0.2:7010
	for _ in 1 2 3 4 5; do
		expect ns b sh -c 'echo wt0 >/sys/module/weft_fault/parameters/poll'
	done
	ns_stop "source"
	drained
}

[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
# shellcheck disable=SC2119 # without arguments
pair_create
# Queues on the path are large enough: a lost packet was lost in the tunnel.
defer sysctl -qw "net.core.netdev_max_backlog=$(sysctl -n net.core.netdev_max_backlog)"
sysctl -qw net.core.netdev_max_backlog=1000000
session_up a wt0 b wt0 10.9.0.2
run_case "two CPUs, packet by packet" flows_in_order 1
run_case "no packet is lost or stuck" drained
run_case "two CPUs, eight segments at once" flows_in_order 8
run_case "no packet is lost or stuck" drained
run_case "two CPUs, one each way" both_directions
run_case "no packet is lost or stuck" drained
run_case "TCP each way" tcp_each_way
run_case "no packet is lost or stuck" drained
run_case "polled by threads" threaded_polling
run_case "polled with a budget of 0" polled_for_nothing
run_case "a CPU goes offline and online" cpu_comes_and_goes
