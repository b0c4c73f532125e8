#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# 40 MB of TCP each way (12 where instructions are emulated), between weft and every available implementation, over a veth
# pair with its offloads and over one that behaves like a wire. No packet is lost or reordered, and every byte is counted.
# series: 6.1
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1                              wt0 or go0 10.9.0.2
#	 va 192.0.2.1 ----------- veth ----------- vb 192.0.2.2
#
# BULK_MB is the amount in MB, in place of 40; the second kind of link carries a twentieth of it. wireguard-go, which
# is slow, carries a fifth of it on all kernels but one.
. "$(dirname "$0")/lib.sh"

bulk=$((${BULK_MB:-$(sized 20 6)} * 1000000))

dropped() { # dropped NS DEV: the drop counters of the interface, by reason
	local field

	for field in rx_errors rx_dropped tx_errors tx_dropped; do
		link_stat "$1" "$2" $field
	done
	ns "$1" ethtool -S "$2" | awk '/_drop_/ { print $2 }'
}

# Other implementations have queues that overflow: TCP's retransmissions are no failure of weft then.
expect_nothing_dropped() { # expect_nothing_dropped NS DEV
	[ "$(tunnel_kind "$1" "$2")" = weft ] || return 0
	expect_eq "drops of $1's $2" "$(dropped "$1" "$2" | sort -u)" 0
}

counters_agree() {
	[ "$(peer_field b "$dev_b" a "$dev_a" rx)" = "$(peer_field a "$dev_a" b "$dev_b" tx)" ]
	[ "$(peer_field a "$dev_a" b "$dev_b" rx)" = "$(peer_field b "$dev_b" a "$dev_a" tx)" ]
}

# Between two ends of weft no packet is lost or reordered, and both ends count the same bytes once the last
# acknowledgement has arrived. A full packet of 1420 bytes carries 1368 and makes a message of 1456: 7 % more;
# acknowledgements of the other direction are added. On two CPUs the veth pair has two queues, and a sender that
# migrates between CPUs may reorder its packets (xmit-order.sh pins its senders).
expect_exact() { # expect_exact BYTES
	wait_for 10 counters_agree
	expect_le "bytes that b received" "$(peer_field b "$dev_b" a "$dev_a" rx)" $(($1 * 115 / 100))
	expect_le "bytes that a received" "$(peer_field a "$dev_a" b "$dev_b" rx)" $(($1 * 115 / 100))
	[ "$(nproc)" -gt 1 ] ||
		expect_eq "segments out of order" $(($(udp_stat a TcpExtTCPOFOQueue) + $(udp_stat b TcpExtTCPOFOQueue))) 0
	expect_eq "datagrams refused" $(($(udp_stat a UdpInErrors) + $(udp_stat b UdpInErrors))) 0
}

carry() { # carry KIND_A KIND_B BYTES [wire]
	dev_a=$(pair_device "$1")
	dev_b=$(pair_device "$2")
	pair_create "$1" "$2"
	[ -z "${4-}" ] || wire_offloads_off a va b vb
	session_up a "$dev_a" b "$dev_b" 10.9.0.2
	transfer a b 10.9.0.2 "$3"
	transfer b a 10.9.0.1 "$3" 7008
	expect_ge "bytes that b received" "$(peer_field b "$dev_b" a "$dev_a" rx)" "$3"
	expect_ge "bytes that a received" "$(peer_field a "$dev_a" b "$dev_b" rx)" "$3"
	expect_nothing_dropped a "$dev_a"
	expect_nothing_dropped b "$dev_b"
	[ "$1" != "$2" ] || expect_exact "$3"
}

run_case "$KIND and $KIND" carry "$KIND" "$KIND" $bulk
run_case "$KIND and $KIND, as a wire" carry "$KIND" "$KIND" $((bulk / 20)) wire
if [ "$KIND" != wireguard ]; then
	run_case "$KIND and wireguard" carry "$KIND" wireguard $((bulk / 20))
	run_case "$KIND and wireguard, as a wire" carry "$KIND" wireguard $bulk wire
fi
case $(uname -r) in
6.12.*)
	run_case "$KIND and wireguard-go" carry "$KIND" wireguard-go $bulk
	;;
*)
	run_case "$KIND and wireguard-go" carry "$KIND" wireguard-go $((bulk / 5))
	;;
esac
run_case "$KIND and wireguard-go, as a wire" carry "$KIND" wireguard-go $((bulk / 20)) wire
