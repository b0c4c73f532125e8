#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A link is set up, or a peer is added, during a stream of initiations: the response to the first accepted one
# arrives, the session has timers, and it was made with the peer's preshared key.
#
#	 namespace a                                      namespace b
#	 wt0 10.9.0.1 --- va 192.0.2.1 --- veth --- vb 192.0.2.2: opening.py
# vm: smp
# series: 6.12 uml
. "$(dirname "$0")/lib.sh"

parameters=/sys/module/weft_fault/parameters

# On an emulated machine a round takes longer, and has fewer collisions.
rounds=$(sized 25 2 6)

# The program's peer is the last of many that are started.
many_peers() {
	local words

	mapfile -t words < <(python3 "$test_dir/lifecycle.py" peers 5000 | tr ' ' '\n')
	tunnel_create a wt0 10.9.0.1/24 fd09::1/64
	tunnel_set a wt0 "${words[@]}"
	new_key b.program
	peer_add a wt0 b program 10.9.0.2/32,fd09::2/128
}

answers_while_it_comes_up() {
	many_peers
	expect program sessions "$rounds"
}

# weft_fault delays the moment at which the new peer gets its preshared key.
adding_takes_time() {
	modprobe weft_fault 2>/dev/null || skip "no module weft_fault here"
	defer rmmod weft_fault
	printf %s config_ >$parameters/caller
	echo weft_peer_keys_set_preshared=late >$parameters/functions
}

never_without_preshared() {
	adding_takes_time
	program_create
	expect program terms "$(sized 10 4)" "$(psk_file program)"
	expect_gt "keys that were late" "$(cat $parameters/failed)" 0
}

skip_unless_weft
pair_underlay_create
run_case "a session begins while the link comes up" answers_while_it_comes_up
run_case "a new peer has its preshared key from the first handshake on" never_without_preshared
