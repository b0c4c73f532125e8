#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets in batches: bursts of TCP of every size, whose segments equal those that TCP would have sent one by one; with
# options and extension headers; with congestion on the path; through a capture; and oversized bursts. Checks of single
# segments need one CPU: on two the veth pair has two queues, and packets of one stream may be reordered.
# vm: icount
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 --------------- veth --------------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

# The kernel removes IPv6 addresses at an MTU below 1280: they are added again.
tunnel_mtu() { # tunnel_mtu MTU
	ns_ip a link set wt0 mtu "$1"
	ns_ip b link set wt0 mtu "$1"
	[ "$1" -ge 1280 ] || return 0
	ns_ip a addr replace fd09::1/64 dev wt0 nodad
	ns_ip b addr replace fd09::2/64 dev wt0 nodad
	ns_ip a -6 route replace fd09::2/128 dev wt0 initcwnd 300
}

# Bursts from a to b of 1 to MOST segments. A packet socket in b checks every segment as it leaves the tunnel. Large
# bursts need small segments: TCP passes down at most half a window, and less at a round trip of milliseconds, as on a
# slow machine.
bursts() { # bursts ADDRESS MTU MOST [OPTIONS]
	local family=4 most=$((SLOW > 1 ? $3 / 2 : $3))

	[[ $1 != *:* ]] || family=6
	tunnel_mtu "$2"
	ns_run receiver b python3 "$test_dir/batch.py" receive $family 9000 wt0
	wait_for 20 grep -q listening "$(ns_output receiver)"
	ns a python3 "$test_dir/batch.py" send "$1" 9000 $(($2 + 32)) "$outer" "$most" ${4+"$4"} ||
		fail "sending fails; the receiver's last line: $(tail -n 1 "$(ns_output receiver)")"
	expect ns_wait receiver 60
	expect_match "the receiver's last line" "$(tail -n 1 "$(ns_output receiver)")" "segments$"
	[ "$KIND" != weft ] || expect_eq "a's send errors" "$(ethtool_stat a wt0 tx_drop_send)/$(ethtool_stat a wt0 tx_drop_no_memory)" 0/0
	expect_eq "b's errors and drops" "$(link_stat b wt0 rx_errors)/$(link_stat b wt0 rx_dropped)" 0/0
}

# The device whose capture sees a burst as one packet; "-" on a wire-like link, which segments bursts.
outer=va

# A burst is sent as one packet, and its segments are not merged at the receiver.
prepare() {
	ns a sysctl -qw net.ipv4.tcp_slow_start_after_idle=0
	ns b sysctl -qw net.ipv4.tcp_rmem="4096 2000000 6000000"
	ns b ethtool -K wt0 gro off
	ns_ip a route replace 10.9.0.0/24 dev wt0 initcwnd 300
	session_up a wt0 b wt0 10.9.0.2
}

as_a_wire() {
	wire_offloads_off a va b vb
	outer=-
	"$@"
}

no_timestamps() {
	ns a sysctl -qw net.ipv4.tcp_timestamps=0
	defer ns a sysctl -qw net.ipv4.tcp_timestamps=1
	bursts 10.9.0.2 600 64
}

# A capture at b sees the packets as a has sent them: the tunnel does not decrypt captured packets in place.
past_captures() {
	capture_start sent a va "udp and port 51820"
	capture_start arrived b vb "udp and port 51820"
	bursts 10.9.0.2 1420 12
	capture_stop sent
	capture_stop arrived
	expect_ge "packets" "$(capture_count sent)" 40
	expect python3 "$test_dir/batch.py" same 192.0.2.1 "$lib_work"/captures/{sent,arrived}
}

# CWR in a segment other than SYN; CE.
cwr="tcp[13] & 0x82 = 0x80" marked="ip[1] & 3 = 3"

# The path marks every fourth ECN-capable packet. The inner packets carry the marks; TCP at b echoes them, and a
# confirms with CWR in the first segment of its burst, and in no other.
congestion() {
	ns a sysctl -qw net.ipv4.tcp_ecn=1
	ns b sysctl -qw net.ipv4.tcp_ecn=1
	ns b nft -f - <<<"table ip weft {
		chain pre { type filter hook prerouting priority 0; udp dport 51820 ip ecn ect0 numgen inc mod 4 0 ip ecn set ce; }
	}"
	defer ns b nft delete table ip weft
	tunnel_mtu 1420
	capture_start sent a wt0 "src host 10.9.0.1 and ($cwr)" -s 128
	capture_start arrived b wt0 "src host 10.9.0.1 and (($cwr) or $marked)" -s 128
	transfer a b 10.9.0.2 1500000
	capture_stop sent
	capture_stop arrived
	expect_ge "segments with a mark" "$(capture_count arrived "$marked")" 20
	expect_ge "bursts with CWR" "$(capture_count sent "greater 1421")" 5
	expect_match "sequence numbers of segments with CWR" "$(beginnings sent)" '^[0-9]+'
	expect_eq "sequence numbers of segments with CWR" "$(beginnings arrived)" "$(beginnings sent)"
	expect_eq "b's errors and drops" "$(link_stat b wt0 rx_errors)/$(link_stat b wt0 rx_dropped)" 0/0
}

beginnings() { # beginnings CAPTURE
	capture_dump "$1" "$cwr" -S | sed -n 's/.* seq \([0-9]*\):.*/\1/p'
}

ifla_gso=41 ifla_gro=58 ifla_gso_ipv4=63 ifla_gro_ipv4=64

# An IP packet has at most 64 KB: the kernel refuses a larger limit, or segments larger packets before they reach the
# tunnel.
too_long() {
	local limit

	limit=$(ns a ip -d link show wt0 | sed -n 's/.*tso_max_size \([0-9]*\).*/\1/p')
	expect_le "bytes of a packet" "$limit" 65536
	expect_fail ns_ip a link set wt0 gso_max_size 100000
	[[ $(uname -r) == 6.1.* ]] || expect_fail ns a python3 "$test_dir/batch.py" limit wt0 100000 $ifla_gso_ipv4
	transfer a b 10.9.0.2 3000000
}

# Other devices may have larger packets (BIG TCP), which a forwards into the tunnel; GRO at b may build them again.
# Linux 6.1 has them for IPv6 only.
#   c vc 10.8.0.3 fd08::3 --- vac 10.8.0.1 fd08::1 a
longer_elsewhere() {
	local address

	ns_create c
	veth_link c vc a vac
	addr_add c vc 10.8.0.3/24 fd08::3/64
	addr_add a vac 10.8.0.1/24 fd08::1/64
	ns_ip_batch c "link set vc mtu 1400" "route add default via 10.8.0.1 initcwnd 300" \
		"route add default via fd08::1 initcwnd 300"
	ns_ip_batch b "route add 10.8.0.0/24 dev wt0" "route add fd08::/64 dev wt0"
	forwarding_on a
	peer_set b wt0 a wt0 allowed-ips 10.9.0.1/32,fd09::1/128,10.8.0.0/24,fd08::/64
	tunnel_mtu 1420
	ns b ethtool -K wt0 gro on
	defer ns b ethtool -K wt0 gro off
	expect ns c python3 "$test_dir/batch.py" limit vc 200000 $ifla_gso $ifla_gso_ipv4
	expect ns b python3 "$test_dir/batch.py" limit wt0 200000 $ifla_gro $ifla_gro_ipv4
	for address in fd09::2 10.9.0.2; do
		capture_start handed a vac "greater 66000" -s 128
		BLOCK=1000000 transfer c b $address 2000000
		capture_stop handed
		[[ $SLOW -gt 1 || $(uname -r) == 6.1.* && $address != *:* ]] || expect_ge "packets above 64 KB" "$(capture_count handed)" 3
	done
}

# MSG_ZEROCOPY: TCP sends a program's own pages, and releases them in the end.
zerocopy() {
	tunnel_mtu 1420
	ns_run sink b socat -u TCP-LISTEN:9001,reuseaddr OPEN:"$lib_work/zerocopy",creat,trunc
	wait_for 20 tcp_listening b 9001
	expect ns a python3 "$test_dir/batch.py" zerocopy 10.9.0.2 9001
	expect ns_wait sink 20
	expect_eq "checksum of the received data" "$(sha256sum <"$lib_work/zerocopy")" \
		"$(python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 400 * 30)' | sha256sum)"
}

pair_create
prepare
run_case "IPv4: bursts of 1 to 64 segments" bursts 10.9.0.2 600 64
run_case "IPv6: bursts of 1 to 45 segments" bursts fd09::2 1280 45
run_case "full size: bursts of 1 to 40 segments" bursts 10.9.0.2 1420 40
run_case "without time stamps" no_timestamps
run_case "with IPv4 options" bursts 10.9.0.2 1420 20 01010101
run_case "with an IPv6 extension header" bursts fd09::2 1420 20 0000010400000000
run_case "captured packets are not modified" past_captures
run_case "congestion on the path" congestion
run_case "oversized bursts" too_long
run_case "oversized bursts of another device" longer_elsewhere
run_case "MSG_ZEROCOPY pages" zerocopy
run_case "as a wire: IPv4, bursts of 1 to 64 segments" as_a_wire bursts 10.9.0.2 600 64
run_case "as a wire: IPv6, bursts of 1 to 45 segments" as_a_wire bursts fd09::2 1280 45
run_case "as a wire: captured packets are not modified" as_a_wire past_captures
