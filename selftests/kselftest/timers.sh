#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every timer at its full length, measured by a program as the peer (timers.py), and two tunnels whose traffic
# continues through renewals of their session.
#
#	 namespace a                                      namespace b
#	 wt0 10.9.0.1 --- va 192.0.2.1 --- veth --- vb 192.0.2.2: timers.py
# timeout: 9000
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

pair_underlay_create

measure() {
	program_create endpoint 192.0.2.2:51820
	program all >"$lib_work/program" 2>&1 || cat "$lib_work/program"
}

# Both ends send continuously; only the initiator renews the session.
through_renewals() {
	pair_tunnels_create
	capture_start renewals a va "$(type_filter 1) or $(type_filter 2)"
	expect ns a ping -n -q -i 1 -c 250 -W 5 10.9.0.2
	capture_stop renewals
	expect_eq "initiations by a" "$(capture_count renewals "$(type_filter 1) and src host 192.0.2.1")" 3
	expect_eq "handshake messages" "$(capture_count renewals)" 6
	expect_le "age of b's session" $(($(date +%s) - $(peer_field b wt0 a wt0 handshake))) 121
}

wipes_keys() {
	skip_unless_readable
	program_passed forgets_keys
}

run_case "a program measures" measure
run_case "retransmission every 5 s, given up after 18 tries, staged packets dropped" program_passed retransmits
run_case "never more often than once in 5 s" program_passed does_not_storm
run_case "a response is accepted for 540 s after giving up" program_passed keeps_handshake
run_case "and not for longer" program_passed erases_handshake
run_case "the responder does not renew; nothing after 180 s" program_passed responder_waits
run_case "the initiator renews after 120 s, and no packet is lost" program_passed rekeys
run_case "the initiator renews at 165 s when it only receives" program_passed rekeys_on_receive
run_case "latest handshake, responder" program_passed tells_last_handshake
run_case "latest handshake, initiator" program_passed tells_last_handshake_begun
run_case "keepalive 10 s after data, none in answer to a keepalive" program_passed keeps_alive
run_case "one keepalive for data of 5 s" program_passed keeps_alive_once
run_case "no keepalive after an answer" program_passed answers_instead
run_case "new handshake 15 s after unanswered data" program_passed asks_anew
run_case "no handshake after a keepalive" program_passed is_content
run_case "persistent keepalive" program_passed persists
run_case "persistent keepalive when the interface comes up" program_passed persists_from_the_start
run_case "persistent keepalive continues after giving up" program_passed persists_after_giving_up
run_case "keys are wiped from memory after 540 s" wipes_keys
run_case "250 s of traffic between two tunnels" through_renewals
