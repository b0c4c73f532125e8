#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A tunnel between two namespaces carries traffic, and counts it.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

pair_create

ping_v4() {
	expect ns a ping -n -c 3 -i 0.2 -W 5 10.9.0.2
}

ping_v6() {
	expect ns b ping -n -c 3 -i 0.2 -W 5 fd09::1
}

endpoint_learnt() {
	expect_eq "b's endpoint of a" "$(peer_field b wt0 a wt0 endpoint)" 192.0.2.1:51820
}

transfers() {
	transfer a b 10.9.0.2 1048576
	transfer b a fd09::1 1048576
}

same_counts() {
	[ "$(peer_field b wt0 a wt0 rx)" = "$(peer_field a wt0 b wt0 tx)" ] &&
		[ "$(peer_field a wt0 b wt0 rx)" = "$(peer_field b wt0 a wt0 tx)" ]
}

# Both ends count the same messages alike. On a slow kernel the session may be renewed between the readings.
counters_agree() {
	wait_for 10 same_counts
	expect_gt "bytes that b received" "$(peer_field b wt0 a wt0 rx)" 1048576
	expect_eq "a's receive errors" "$(link_stat a wt0 rx_errors)" 0
}

# One message of 128 bytes: 84 bytes of ping are padded to 96, and 32 are added.
exact_count() {
	local tx

	tx=$(peer_field a wt0 b wt0 tx)
	capture_start exact a va udp
	ns a ping -n -c 1 -W 5 10.9.0.2
	capture_stop exact
	expect_eq "bytes counted for one ping" $(($(peer_field a wt0 b wt0 tx) - tx)) 128
	expect_eq "transport messages on the wire" "$(capture_count exact "$(type_filter 4)")" 2
	expect_eq "other packets on the wire" "$(capture_count exact "not $(type_filter 4)")" 0
}

run_case "ping over v4" ping_v4
run_case "ping over v6" ping_v6
run_case "the endpoint is learnt" endpoint_learnt
run_case "a megabyte of TCP each way" transfers
run_case "counters agree at both ends" counters_agree
run_case "one ping is counted exactly" exact_count
