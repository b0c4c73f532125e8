#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A link comes up while initiations come all the time: whichever is the first that is answered, its answer arrives, and the
# session has timers.
#
#	 namespace a                                      namespace b
#	 wt0 10.9.0.1 --- va 192.0.2.1 --- veth --- vb 192.0.2.2: opening.py
# vm: smp
# series: 6.12 uml
. "$(dirname "$0")/lib.sh"

# On an emulated machine a round takes longer, and meets less.
rounds=40
case $(uname -r) in *-um) rounds=100 ;; esac

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

skip_unless_weft
pair_underlay_create
run_case "a session begins while the link comes up" answers_while_it_comes_up
