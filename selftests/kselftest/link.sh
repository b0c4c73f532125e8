#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tunnel as a network link: creation and removal, its MTU, its statistics message by message, its port and mark,
# and automatic loading of the module.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

# ---- the module ----

# With compat=1 the link's kind is another module's name.
MODULE=${MODULE:-$KIND}

unload_module() {
	wait_for 10 rmmod "$MODULE"
	expect_fail test -d "/sys/module/$MODULE"
}

module_aliases() {
	local aliases

	aliases=$(modinfo -F alias "$MODULE")
	expect_eq "aliases" "$(sort <<<"$aliases" | xargs)" "net-pf-16-proto-16-family-$MODULE rtnl-link-$MODULE"
}

# The module's parameter counts the interfaces of all namespaces, whereas sysfs lists the links of one namespace.
interfaces_counted() {
	local file=/sys/module/$MODULE/parameters/interfaces before

	skip_unless_weft
	before=$(cat "$file")
	ns_ip b link add wt8 type "$KIND"
	expect_eq "interfaces" "$(cat "$file")" $((before + 1))
	ns_ip b link del wt8
	expect_eq "interfaces" "$(cat "$file")" "$before"
}

loaded_by_link() {
	unload_module
	ip link add wtauto type "$KIND"
	defer ip link del wtauto
	expect test -d "/sys/module/$MODULE"
}

loaded_by_family() {
	unload_module
	expect python3 "$test_dir/link.py" family "$KIND"
	expect test -d "/sys/module/$MODULE"
}

# ---- the link ----

link_comes_and_goes() {
	local i

	for i in 1 2 3; do
		ns_ip a link add wt9 type "$KIND"
		expect_error "File exists" ns_ip a link add wt9 type "$KIND"
		expect_match "the link" "$(ns_ip a -d link show wt9)" "POINTOPOINT,NOARP.* $KIND "
		expect_eq "peers" "$(ns a "$WEFT" show wt9 peers | wc -l)" 0
		ns_ip a link set wt9 up
		ns_ip a link del wt9
		expect_fail ns_ip a link show wt9
	done
}

mtu_of() { # mtu_of NS DEV
	link_file "$1" "$2" mtu
}

mtu_changes() {
	local mtu

	ns_ip a link add wt9 type "$KIND"
	defer ns_ip a link del wt9
	expect_eq "default MTU" "$(mtu_of a wt9)" 1420
	for mtu in 0 1 68 576 1280 1500 9000 65535 1420; do
		ns_ip a link set wt9 mtu $mtu
		expect_eq "MTU" "$(mtu_of a wt9)" $mtu
	done
	expect_error "mtu greater than device maximum" ns_ip a link set wt9 mtu 2147483647
	expect_eq "MTU" "$(mtu_of a wt9)" 1420
}

driver_information() {
	local info

	info=$(ns a ethtool -i wt0)
	expect grep -qx "driver: $KIND" <<<"$info"
	expect grep -qx "version: $(modinfo -F version "$MODULE")" <<<"$info"
}

no_address_by_itself() {
	ns_ip a link add wt9 type "$KIND"
	defer ns_ip a link del wt9
	ns_ip a link set wt9 up
	expect_eq "addresses" "$(ns_ip a addr show wt9 | grep -c inet || true)" 0
}

# ---- statistics ----

# Packets and bytes, received and sent, on one line.
traffic_of() { # traffic_of NS DEV
	local field

	for field in rx_packets rx_bytes tx_packets tx_bytes; do
		link_stat "$1" "$2" $field
	done | xargs
}

# On a slow kernel keepalives of 32 bytes each may be sent in between.
expect_traffic() { # expect_traffic NS TRAFFIC: since the last call for NS
	local now before=(0 0 0 0) i differences=() wanted=() more

	read -ra wanted <<<"$2"
	[ ! -e "$lib_work/values/traffic.$1" ] || read -ra before < <(value "traffic.$1")
	read -ra now < <(traffic_of "$1" wt0)
	set_value "traffic.$1" "${now[*]}"
	for i in 0 1 2 3; do
		differences+=($((now[i] - before[i])))
	done
	for i in 0 2; do
		more=$((SLOW > 1 ? differences[i] - wanted[i] : 0))
		differences[i]=$((differences[i] - more))
		differences[i + 1]=$((differences[i + 1] - 32 * more))
	done
	expect_eq "traffic of $1's link (rx packets, bytes, tx packets, bytes)" "${differences[*]}" "$2"
}

# A handshake caused by an 84-byte echo: 148 there, 92 back, then 128 each way.
first_packets() {
	expect_traffic a "0 0 0 0"
	expect_traffic b "0 0 0 0"
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect_traffic a "2 220 2 276"
	expect_traffic b "2 276 2 220"
}

sent_packets_are() { # sent_packets_are NS NUMBER
	[ "$(link_stat "$1" wt0 tx_packets)" = "$2" ]
}

# The echo's sender has received the answer, and sends a keepalive after 10 seconds.
keepalive_counted() {
	wait_for 12 sent_packets_are a 3
	expect_traffic a "0 0 1 32"
	expect_traffic b "1 32 0 0"
}

# A length that is a multiple of 16 gets no padding; one byte more gets 15.
sizes_counted() {
	expect ns a ping -n -c 1 -W 5 -s 68 10.9.0.2
	expect_traffic a "1 128 1 128"
	expect ns a ping -n -c 1 -W 5 -s 69 10.9.0.2
	expect_traffic a "1 144 1 144"
	expect ns a ping -n -c 1 -W 5 -s 68 fd09::2
	expect_traffic a "1 160 1 160"
	expect_traffic b "3 432 3 432"
}

peers_count_the_same() {
	expect_eq "a's peer received" "$(peer_field a wt0 b wt0 rx)" "$(link_stat a wt0 rx_bytes)"
	expect_eq "a's peer sent" "$(peer_field a wt0 b wt0 tx)" "$(link_stat a wt0 tx_bytes)"
	expect_eq "b's peer received" "$(peer_field b wt0 a wt0 rx)" "$(link_stat b wt0 rx_bytes)"
	expect_eq "b's peer sent" "$(peer_field b wt0 a wt0 tx)" "$(link_stat b wt0 tx_bytes)"
}

# Two packets for destinations without a peer count as errors, not as packets.
errors_counted() {
	local errors

	errors=$(link_stat a wt0 tx_errors)
	expect_fail ns a ping -n -c 2 -i 0.2 -W 1 10.9.0.77
	expect_eq "errors counted" $(($(link_stat a wt0 tx_errors) - errors)) 2
	expect_traffic a "0 0 0 0"
}

# ---- the port ----

bound_ports() { # bound_ports NS: of UDP, with the family
	ns "$1" ss -Huln | awk '{ port = $4; sub(/.*:/, "", port); print ($4 ~ /\[/ ? 6 : 4) "/" port }' | sort | xargs
}

port_busy() { # port_busy NS PORT
	[ -n "$(ns "$1" ss -Huln "sport = :$2")" ]
}

occupy() { # occupy NS FAMILY PORT
	ns_run "occupant" "$1" socat -u "UDP$2-RECV:$3$([ "$2" = 4 ] || echo ,ipv6only=1)" -
	wait_for 10 port_busy "$1" "$3"
}

# With either family's port in use the link stays down, without half of its sockets. After it comes up on a slow
# machine, either end may initiate.
busy_port_refused() { # busy_port_refused FAMILY
	local handshake

	ns_ip a link set wt0 down
	occupy a "$1" 51820
	expect_error "$port_taken" ns_ip a link set wt0 up
	expect_eq "bound ports" "$(bound_ports a)" "$1/51820"
	expect_eq "the link's state" "$(ns_ip a -brief link show wt0 up)" ""
	ns_stop occupant
	ns_ip a link set wt0 up
	expect_eq "bound ports" "$(bound_ports a)" "4/51820 6/51820"
	handshake=$(link_stat b wt0 rx_bytes)
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	[ "$SLOW" -gt 1 ] ||
		expect_eq "bytes with a new handshake" $(($(link_stat b wt0 rx_bytes) - handshake)) $((148 + 128))
}

down_is_down() {
	ns_ip a link set wt0 down
	expect_eq "bound ports" "$(bound_ports a)" ""
	expect_fail ns b ping -n -c 1 -W 2 10.9.0.1
	ns_ip a link set wt0 up
	expect_eq "listen port" "$(device_field a wt0 port)" 51820
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

any_port() {
	local port

	ns_ip a link add wt9 type "$KIND"
	defer ns_ip a link del wt9
	expect_eq "port of a link that was never up" "$(ns a "$WEFT" show wt9 listen-port)" 0
	ns_ip a link set wt9 up
	port=$(ns a "$WEFT" show wt9 listen-port)
	expect_gt "port" "$port" 0
	expect_match "bound ports" "$(bound_ports a)" "4/$port .*6/$port"
	ns a "$WEFT" set wt9 listen-port 0
	port=$(ns a "$WEFT" show wt9 listen-port)
	expect_gt "port" "$port" 0
	expect_match "bound ports" "$(bound_ports a)" "4/$port .*6/$port"
}

# Data from the new port updates the peer's endpoint.
port_change_keeps_session() {
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	capture_start port a va udp
	tunnel_set a wt0 listen-port 6000
	expect_eq "bound ports" "$(bound_ports a)" "4/6000 6/6000"
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect_eq "b's endpoint of a" "$(peer_field b wt0 a wt0 endpoint)" 192.0.2.1:6000
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	tunnel_set a wt0 listen-port 51820
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	capture_stop port
	expect_eq "messages" "$(capture_count port)" 6
	expect_eq "transport messages" "$(capture_count port "$(type_filter 4)")" 6
	expect_eq "from the new port" "$(capture_count port 'src port 6000')" 2
}

failed_port_change() { # failed_port_change FAMILY
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	occupy a "$1" 6000
	expect_error "$port_taken_by_command" tunnel_set a wt0 listen-port 6000
	expect_eq "listen port" "$(device_field a wt0 port)" 51820
	expect_eq "bound ports" "$(bound_ports a)" "$(printf '4/51820\n6/51820\n%s/6000\n' "$1" | sort | xargs)"
	capture_start failed b vb udp
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	capture_stop failed
	expect_between "messages" "$(capture_count failed)" 2 $((SLOW > 1 ? 3 : 2))
	expect_eq "messages of a handshake" "$(capture_count failed "not $(type_filter 4)")" 0
}

# ---- the mark ----

# The route to b's second address is in a table that only marked packets use.
mark_routes() {
	addr_add b lo 203.0.113.2/32
	ns_ip a route add blackhole 203.0.113.2
	ns_ip a route add 203.0.113.2 via 192.0.2.2 table 100
	ns_ip a rule add fwmark 0x1234 lookup 100
	peer_set a wt0 b wt0 endpoint 203.0.113.2:51820
	expect_fail ns a ping -n -c 1 -W 1 10.9.0.2
	tunnel_set a wt0 fwmark 0x1234
	expect_eq "mark" "$(device_field a wt0 fwmark)" 0x1234
	capture_start marked b vb "udp and dst host 203.0.113.2"
	expect ns a ping -n -c 2 -i 0.2 -W 5 10.9.0.2
	capture_stop marked
	expect_ge "messages to the second address" "$(capture_count marked)" 2
	tunnel_set a wt0 fwmark 0
	expect_fail ns a ping -n -c 1 -W 1 10.9.0.2
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	expect ns a ping -n -c 1 -W 5 10.9.0.2
}

# ---- without IPv6 ----

without_ipv6() {
	ns_create d e
	veth_link d vd e ve
	ns d sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	addr_add d vd 192.0.2.4/24
	addr_add e ve 192.0.2.5/24 2001:db8::5/64
	tunnel_create d wt0 10.9.0.4/24
	tunnel_create e wt0 10.9.0.5/24
	peer_add d wt0 e wt0 10.9.0.5/32 endpoint '[2001:db8::5]:51820'
	peer_add e wt0 d wt0 10.9.0.4/32
	expect_fail ns d ping -n -c 1 -W 1 10.9.0.5
	peer_set d wt0 e wt0 endpoint 192.0.2.5:51820
	expect ns d ping -n -c 1 -W 7 10.9.0.5
	ns_ip d link set wt0 down
	ns_ip d link set wt0 up
	# The initiation may follow the last one within 20 ms, and is rate-limited then: the next retry succeeds.
	expect ns d ping -n -c 1 -W 7 10.9.0.5
}

run_case "the module has aliases of link kind and family" module_aliases
run_case "a link loads the module" loaded_by_link
run_case "the family loads the module" loaded_by_family
# shellcheck disable=SC2119 # without arguments
pair_create
run_case "links are added and removed" link_comes_and_goes
run_case "interfaces of all namespaces are counted" interfaces_counted
run_case "the MTU is 1420, and changes" mtu_changes
run_case "ethtool names driver and version" driver_information
run_case "no address is assigned automatically" no_address_by_itself
run_case "handshake and echo are counted by size" first_packets
run_case "a keepalive is counted by size" keepalive_counted
run_case "padding is counted" sizes_counted
run_case "peers and link count the same" peers_count_the_same
run_case "errors are counted" errors_counted
run_case "down closes the sockets, up opens them" down_is_down
# ip(8) and weft print the module's message, wg(8) that of errno.
port_taken="Address already in use" port_taken_by_command="Address already in use"
[ "${MODULE-$KIND}" != weft ] || port_taken="another socket has UDP port"
[ "$KIND" != weft ] || port_taken_by_command=$port_taken
run_case "up fails while the IPv4 port is busy" busy_port_refused 4
run_case "up fails while the IPv6 port is busy" busy_port_refused 6
run_case "port 0 finds one for both families" any_port
run_case "a session survives a change of port" port_change_keeps_session
run_case "a busy IPv4 port leaves the old one" failed_port_change 4
run_case "a busy IPv6 port leaves the old one" failed_port_change 6
run_case "the mark chooses the route" mark_routes
run_case "it works where IPv6 is disabled" without_ipv6
