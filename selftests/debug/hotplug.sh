#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A CPU goes offline and online during TCP both ways and new sessions: all data arrives unchanged. (For datagrams
# without losses see xmit-order.sh.)
# vm: smp
# not on uml: no CPU can be taken away
# timeout: 3600
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/../kselftest/lib.sh"

cpu=/sys/devices/system/cpu/cpu1/online
slow=${SLOW:-1}
rounds=10

# A peer that is removed and added has no session.
new_session() {
	peer_remove a wt0 b wt0
	peer_add a wt0 b wt0 10.9.0.2/32,fd09::2/128 endpoint 192.0.2.2:51820
}

comes_and_goes() {
	local i

	streams_start
	for ((i = 0; i < rounds; i++)); do
		echo 0 >$cpu
		[ $((i % 3)) != 0 ] || new_session
		both_receive 100000
		echo 1 >$cpu
		[ $((i % 3)) != 1 ] || new_session
		both_receive 100000
	done
	streams_stop
}

[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
[ -w $cpu ] || skip "CPU 1 cannot be taken off line here"
[ "$slow" -lt 5 ] || rounds=4
# shellcheck disable=SC2119 # without arguments
pair_create
peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
session_up a wt0 b wt0 10.9.0.2
defer sh -c "echo 1 >$cpu"
run_case "a CPU goes offline and online $rounds times" comes_and_goes
