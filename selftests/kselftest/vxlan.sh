#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Another kind of UDP tunnel on the same machine: VXLAN, of the kernel at one end, and at the other end of the kernel
# or of a program that sends by UDP segmentation offload. GRO for weft's sockets must not affect other sockets: the
# kernel's VXLAN accepts one frame at a time.
# series: 6.1
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 vx0 10.7.0.1                              vx0 10.7.0.2
#	 va 192.0.2.1 --------------- veth --------------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

# The device has carrier, and sends its first frame, when both ends exist.
beside() {
	addr_add a vx0 10.7.0.1/24
	ns_ip_batch a "link set vx0 mtu 1420" "link set vx0 up"
	wait_for 10 ns a ping -n -c 1 -W 1 10.7.0.2
}

# Both tunnels carry traffic at once.
both_carry() {
	ns_run below b sh -c "socat -u TCP-LISTEN:7008,reuseaddr - | cksum"
	wait_for 20 tcp_listening b 7008
	ns_run above a sh -c "seq 300000 | socat -u - TCP:10.9.0.2:7008"
	transfer a b 10.7.0.2 1500000
	expect ns_wait above
	expect ns_wait below
	expect_eq "checksum of the data through weft" "$(cat "$(ns_output below)")" "$(seq 300000 | cksum)"
	transfer b a 10.7.0.1 500000 7009
	expect_eq "b's errors and drops" "$(link_stat b wt0 rx_errors)/$(link_stat b wt0 rx_dropped)" 0/0
}

kernel_and_kernel() {
	ns_ip a link add vx0 type vxlan id 7 local 192.0.2.1 remote 192.0.2.2 dstport 4789
	defer ns_ip a link del vx0
	beside
	both_carry
}

came() {
	link_stat b vx0 rx_packets
}

# Each frame arrives as a packet of its own. The kernel's frames are sent without offloads, which the program does not
# implement.
program_and_kernel() {
	local before sent most

	ns b ethtool -K vx0 tx off tso off gso off
	ns_run program a python3 "$test_dir/vxlan.py" vx0 192.0.2.2
	wait_for 20 grep -q there "$(ns_output program)"
	before=$(came)
	beside
	both_carry
	ns_stop program INT
	read -r sent most < <(tail -n 1 "$(ns_output program)")
	expect_ge "frames in one go" "$most" 10
	expect_eq "frames that arrived" $(($(came) - before)) "$sent"
}

modprobe vxlan 2>/dev/null || skip "no module vxlan here"
[ -e /dev/net/tun ] || modprobe tun
pair_create
session_up a wt0 b wt0 10.9.0.2
ns_ip b link add vx0 type vxlan id 7 local 192.0.2.2 remote 192.0.2.1 dstport 4789
addr_add b vx0 10.7.0.2/24
ns_ip_batch b "link set vx0 mtu 1420" "link set vx0 up"
run_case "VXLAN, the kernel's at both ends" kernel_and_kernel
run_case "VXLAN, a program's that sends in bursts" program_and_kernel
