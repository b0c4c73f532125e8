#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A CPU is taken away and given back, while TCP goes both ways and sessions are made anew: everything arrives as it was sent.
# (Datagrams that must not be lost meanwhile are in order.sh.)
# vm: smp
# timeout: 3600
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/../lib.sh"

cpu=/sys/devices/system/cpu/cpu1/online
slow=${SLOW:-1}
rounds=10

# A program of each end's sends all the time; it stops when told, and then both checksums must be equal.
stream() { # stream NAME FROM TO ADDRESS PORT
	ns_run "sink.$1" "$3" sh -c "socat -u TCP6-LISTEN:$5,ipv6only=0 - | cksum"
	wait_for 20 tcp_listening "$3" "$5"
	ns_run "source.$1" "$2" python3 "$test_dir/hotplug.py" "$4" "$5" "$lib_work/stop"
}

# A peer that is added anew has no session.
new_session() {
	peer_remove a wt0 b wt0
	peer_add a wt0 b wt0 10.9.0.2/32,fd09::2/128 endpoint 192.0.2.2:51820
}

comes_and_goes() {
	local i name

	stream there a b 10.9.0.2 9001
	stream back b a fd09::1 9002
	both_receive 100000
	for ((i = 0; i < rounds; i++)); do
		echo 0 >$cpu
		[ $((i % 3)) != 0 ] || new_session
		both_receive 100000
		echo 1 >$cpu
		[ $((i % 3)) != 1 ] || new_session
		both_receive 100000
	done
	touch "$lib_work/stop"
	for name in there back; do
		ns_wait source.$name 120 || fail "$(cat "$(ns_output source.$name)")"
		ns_wait sink.$name 120
		expect_eq "checksum and length of what went $name" "$(cat "$(ns_output sink.$name)")" "$(cat "$(ns_output source.$name)")"
	done
}

[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
[ -w $cpu ] || skip "CPU 1 cannot be taken off line here"
[ "$slow" -lt 5 ] || rounds=4
# shellcheck disable=SC2119 # without arguments
pair_create
peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
stamps_wanted a
session_up a wt0 b wt0 10.9.0.2
defer sh -c "echo 1 >$cpu"
run_case "a CPU comes and goes $rounds times" comes_and_goes
