#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# weft doctor: each case breaks one thing and expects exactly that finding, and none for a working tunnel.
#
#	 namespace a             namespace r (routes)            namespace b             namespace c
#	 wt0 10.9.0.1                                            wt0 10.9.0.2            wt0 10.9.0.3
#	 va 192.0.2.1 --- veth --- ra .254, rb .254 --- veth --- vb 198.51.100.2
#	                           rc .254 ------------------------------------ veth --- vc 203.0.113.3
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

skip_unless_weft
ns_create a r b c
for end in a:192.0.2:1 b:198.51.100:2 c:203.0.113:3; do
	IFS=: read -r name net host <<<"$end"
	veth_link "$name" "v$name" r "r$name"
	addr_add "$name" "v$name" "$net.$host/24"
	addr_add r "r$name" "$net.254/24"
done
forwarding_on r
ns_ip_batch a "route add 198.51.100.0/24 via 192.0.2.254" "route add 203.0.113.0/24 via 192.0.2.254"
ns_ip_batch b "route add default via 198.51.100.254"
ns_ip_batch c "route add default via 203.0.113.254"
there=198.51.100.2:51820

# a has an endpoint of b; b waits. Both are removed at the end of the case.
tunnels() { # tunnels [SET ARGS FOR a...]
	tunnel_create a wt0 10.9.0.1/24
	tunnel_create b wt0 10.9.0.2/24
	peer_add a wt0 b wt0 10.9.0.2/32 endpoint $there "$@"
	peer_add b wt0 a wt0 10.9.0.1/32
}

spoke_c() { # spoke_c: c has an endpoint of b, too
	tunnel_create c wt0 10.9.0.3/24
	peer_add c wt0 b wt0 10.9.0.0/24 endpoint $there
	peer_add b wt0 c wt0 10.9.0.3/32
}

doctor_says() { # doctor_says NS STATUS CODE...: sorted
	local name=$1 wanted=$2 status=0

	shift 2
	ns "$name" "$WEFT" -j doctor wt0 >"$lib_work/doctor" || status=$?
	expect_eq "findings at $name" "$(sed -n 's/.*"code": *"\([^"]*\)".*/\1/p' "$lib_work/doctor" | sort | paste -sd ' ')" "$*"
	expect_eq "status" "$status" "$wanted"
}

nft_rule() { # nft_rule NS HOOK RULE...
	local name=$1 hook=$2

	shift 2
	ns "$name" nft -f - <<-END
		table inet doctor {
			chain doctor {
				type filter hook $hook priority 0;
				$*
			}
		}
	END
	defer ns "$name" nft delete table inet doctor
}

pings() { # pings NAME NS ADDRESS [OPTIONS...]
	ns_run "$1" "$2" ping -n -i 0.3 "${@:4}" "$3"
}

healthy() {
	tunnels
	doctor_says a 0
	doctor_says b 0
	expect_eq "in words" "$(ns a "$WEFT" doctor)" "wt0: no fault found"
	session_up a wt0 b wt0 10.9.0.2
	doctor_says a 0
}

cannot_look() {
	local status=0

	ns a "$WEFT" doctor nope 2>"$lib_work/said" || status=$?
	expect_eq status $status 3
	expect_match said "$(cat "$lib_work/said")" "cannot read interface 'nope'"
	status=0
	ns a "$WEFT" doctor lo 2>"$lib_work/said" || status=$?
	expect_eq status $status 3
}

no_key() {
	tunnels
	tunnel_set a wt0 private-key /dev/null
	doctor_says a 2 no-private-key
	expect_match "mending" "$(cat "$lib_work/doctor")" "weft set wt0 private-key"
}

is_down() {
	tunnels
	ns_ip a link set wt0 down
	doctor_says a 2 down
}

no_peers() {
	tunnel_create a wt0 10.9.0.1/24
	doctor_says a 1 no-peers
}

# b has another key for a.
unknown() {
	tunnels
	new_key other
	tunnel_set b wt0 peer "$(tunnel_key a wt0)" remove peer "$(public_key other)" allowed-ips 10.9.0.1/32
	doctor_says a 2 unanswered
	expect grep -qF "weft set IFACE peer $(tunnel_key a wt0)" "$lib_work/doctor"
	doctor_says b 2 unknown-peer
	# A second tunnel to the same machine works, which proves that packets arrive there.
	ns_ip_batch b "link add wt1 type $KIND" "addr add 10.10.0.2/24 dev wt1"
	defer ns_ip b link del wt1
	new_key b.wt1
	ns b "$WEFT" set wt1 listen-port 51821 private-key "$(key_file b.wt1)" peer "$(tunnel_key a wt0)" allowed-ips 10.9.0.1/32
	ns_ip b link set wt1 up
	ns_ip a addr add 10.10.0.1/24 dev wt0
	tunnel_set a wt0 peer "$(public_key b.wt1)" allowed-ips 10.10.0.2/32 endpoint 198.51.100.2:51821
	doctor_says a 2 unknown-there
}

never_arrives() {
	tunnels
	nft_rule r forward udp dport 51820 drop
	doctor_says a 2 unanswered
	doctor_says b 1 nobody-calls
}

wrong_key() {
	tunnels
	new_key other
	tunnel_set a wt0 peer "$(tunnel_key b wt0)" remove peer "$(public_key other)" allowed-ips 10.9.0.2/32 endpoint $there
	doctor_says a 2 unanswered
	doctor_says b 2 another-key
	expect grep -qF "peer $(tunnel_key b wt0)" "$lib_work/doctor"
}

wrong_psk() {
	tunnels preshared-key "$(psk_file one)"
	peer_set b wt0 a wt0 preshared-key "$(psk_file two)"
	doctor_says a 2 preshared
	# b initiates, too, and may or may not have had a response meanwhile.
	ns b "$WEFT" -j doctor wt0 >"$lib_work/doctor" || true
	expect_match "findings at b" "$(cat "$lib_work/doctor")" '"code": *"(preshared|unconfirmed)"'
}

# b receives a's packets, and a does not receive b's.
one_way() {
	tunnels
	nft_rule r forward udp sport 51820 ip saddr 198.51.100.2 drop
	doctor_says a 2 unanswered
	doctor_says b 2 unconfirmed
}

# a keeps b's timestamp of an hour ahead when b's clock is corrected. A handshake initiated by a would help, but a has
# no way to reach b.
clock_back() {
	tunnels
	nft_rule r forward ip saddr 192.0.2.1 udp dport 51820 @th,64,8 1 drop
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	date -s '+1 hour' >/dev/null
	session_up b wt0 a wt0 10.9.0.1
	date -s '-1 hour' >/dev/null
	ns_ip b link set wt0 down
	ns_ip b link set wt0 up
	pings from_b b 10.9.0.1
	doctor_says a 2 clock
	expect_match "mending" "$(cat "$lib_work/doctor")" "forget-timestamp"
	expect ns a "$WEFT" set wt0 peer "$(tunnel_key b wt0)" forget-timestamp
	wait_for 30 ns b ping -n -c 1 -W 1 10.9.0.1
}

barred() {
	tunnels
	nft_rule a input udp dport 51820 drop
	doctor_says a 2 barred-in
}

barred_out() {
	tunnels
	nft_rule a output udp sport 51820 drop
	doctor_says a 2 barred-out
}

barred_by_destination() {
	tunnels
	nft_rule a output udp dport 51820 reject
	doctor_says a 2 barred
	outer_ip6
	peer_set a wt0 b wt0 endpoint '[2001:db8:2::2]:51820'
	doctor_says a 2 barred
}

# A router sends "port unreachable" from its own address: the error says nothing about the peer's sockets.
rejected_on_the_way() {
	tunnels
	outer_ip6
	nft_rule r forward udp dport 51820 reject
	doctor_says a 2 unreachable
	peer_set a wt0 b wt0 endpoint '[2001:db8:2::2]:51820'
	doctor_says a 2 unreachable
}

barred_by_policy() {
	tunnels
	nft_rule a input 'policy drop; tcp dport 22 accept'
	doctor_says a 2 barred-in
	ns a nft add rule inet doctor doctor udp dport 51820 accept
	doctor_says a 0
}

# The most common firewall: outgoing flows and their answers pass, incoming flows do not.
stateful() {
	local rules='policy drop; iifname { lo, wt0 } accept; ct state established,related accept; tcp dport 22 accept;'

	tunnels
	nft_rule b input "$rules"
	doctor_says b 2 barred-new
	expect_match "mending" "$(cat "$lib_work/doctor")" "nft insert rule inet doctor doctor udp dport 51820 accept"
	expect_fail ns a ping -n -c 1 -W 2 10.9.0.2
	nft_rule a input "$rules"
	ns b nft insert rule inet doctor doctor udp dport 51820 accept
	session_up a wt0 b wt0 10.9.0.2
	doctor_says a 0
	doctor_says b 0
}

iptables_rule() { # iptables_rule PROGRAM NS ARGUMENTS...: appended to its chain, and removed with the namespace
	local program=$1 name=$2

	shift 2
	expect ns "$name" "$program" "$@"
}

# Chains whose names begin like that of the chain with the policy follow it.
barred_by_iptables() {
	type iptables ip6tables iptables-save ip6tables-save >/dev/null 2>&1 || skip "no iptables here"
	tunnels
	defer ns a iptables -F
	defer ns a iptables -P INPUT ACCEPT
	iptables_rule iptables a -N INPUT_direct
	defer ns a iptables -X INPUT_direct
	iptables_rule iptables a -A INPUT -p tcp --dport 22 -j ACCEPT
	iptables_rule iptables a -P INPUT DROP
	doctor_says a 2 barred-in
	iptables_rule iptables a -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	wait_for 30 ns a ping -n -c 1 -W 1 10.9.0.2
	doctor_says a 0
}

barred_by_ip6tables() {
	type ip6tables ip6tables-save >/dev/null 2>&1 || skip "no ip6tables here"
	outer_ip6
	tunnels endpoint '[2001:db8:2::2]:51820'
	iptables_rule ip6tables a -A INPUT -p udp -j DROP
	defer ns a ip6tables -F
	doctor_says a 2 barred-in
	iptables_rule ip6tables a -F
	wait_for 30 ns a ping -n -c 1 -W 1 10.9.0.2
	doctor_says a 0
}

outer_ip6() {
	ns_ip_batch a "addr add 2001:db8:1::1/64 dev va nodad" "route add 2001:db8:2::/64 via 2001:db8:1::fe"
	ns_ip_batch r "addr add 2001:db8:1::fe/64 dev ra nodad" "addr add 2001:db8:2::fe/64 dev rb nodad"
	ns_ip_batch b "addr add 2001:db8:2::2/64 dev vb nodad" "route add 2001:db8:1::/64 via 2001:db8:2::fe"
	defer ns_ip_batch a "route del 2001:db8:2::/64" "addr del 2001:db8:1::1/64 dev va"
	defer ns_ip_batch r "addr del 2001:db8:1::fe/64 dev ra" "addr del 2001:db8:2::fe/64 dev rb"
	defer ns_ip_batch b "route del 2001:db8:1::/64" "addr del 2001:db8:2::2/64 dev vb"
}

# The peer receives only the tunnel's own handshakes.
leaves_no_trace() {
	local before

	tunnels
	session_up a wt0 b wt0 10.9.0.2
	before=$(ns b "$WEFT" show wt0 drops | head -n 1)
	doctor_says a 0
	expect_eq "drops of b" "$(ns b "$WEFT" show wt0 drops | head -n 1)" "$before"
	expect_eq "malformed" "$(ns b "$WEFT" metrics wt0 | sed -n 's/^weft_drops_total{.*reason="malformed".*} //p')" 0
}

# A session is silent, and no handshake is due for some seconds.
fallen_silent() {
	tunnels
	session_up a wt0 b wt0 10.9.0.2
	doctor_says a 0
	nft_rule r forward udp sport 51820 ip saddr 198.51.100.2 drop
	expect_fail ns a ping -n -c 3 -i 5 -W 1 10.9.0.2
	expect_fail ns a ping -n -c 1 -W 9 10.9.0.2
	doctor_says a 2 unanswered
}

conf() { # conf TEXT: of a's wt0
	[ -d /etc/weft ] || { mkdir /etc/weft; defer rmdir /etc/weft; }
	printf '[Interface]\n%b' "$1" >/etc/weft/wt0.conf
	defer rm /etc/weft/wt0.conf
}

unresolved() {
	tunnels
	conf "[Peer]\nPublicKey = $(tunnel_key b wt0)\nAllowedIPs = 10.9.0.2/32\nEndpoint = nowhere.invalid:51820\n"
	doctor_says a 2 unresolved
}

prefix_lost() {
	tunnels
	new_key other
	tunnel_set a wt0 peer "$(public_key other)"
	conf "[Peer]\nPublicKey = $(public_key other)\nAllowedIPs = 10.9.0.2/32\n[Peer]\nPublicKey = $(tunnel_key b wt0)\nAllowedIPs = 10.9.0.2/32\n"
	doctor_says a 1 prefix-lost
}

no_endpoint() {
	tunnels
	expect_fail ns b ping -n -c 1 -W 1 10.9.0.1
	doctor_says b 2 no-endpoint
}

no_endpoint_route() {
	tunnels
	ns_ip a route del 198.51.100.0/24
	defer ns_ip a route add 198.51.100.0/24 via 192.0.2.254
	doctor_says a 2 no-way
}

loop() {
	tunnels
	ns_ip a route add 198.51.100.2/32 dev wt0
	doctor_says a 2 loop
}

refused() {
	tunnels
	ns_ip b link set wt0 down
	doctor_says a 2 refused
	outer_ip6
	peer_set a wt0 b wt0 endpoint '[2001:db8:2::2]:51820'
	doctor_says a 2 refused
}

unreachable() {
	tunnels endpoint 192.0.2.77:51820
	doctor_says a 2 unreachable
}

no_route() {
	tunnels
	peer_set a wt0 b wt0 allowed-ips +10.77.0.0/16
	doctor_says a 1 no-route
	ns_ip a route add 10.77.0.0/16 dev wt0
	doctor_says a 0
}

shadowed() {
	tunnels
	ns_ip a route add 10.9.0.2/32 via 192.0.2.254
	defer ns_ip a route del 10.9.0.2/32 via 192.0.2.254
	doctor_says a 1 shadowed
}

# A peer that has no session has a part of b's prefix.
overlap() {
	tunnels
	peer_set a wt0 b wt0 allowed-ips 10.9.0.0/24
	new_key other
	tunnel_set a wt0 peer "$(public_key other)" name narrow allowed-ips 10.9.0.2/32
	doctor_says a 1 overlap
	expect grep -qF '10.9.0.2/32 to peer narrow' "$lib_work/doctor"
	# A default route beside a narrower prefix is intended.
	peer_set a wt0 b wt0 allowed-ips 0.0.0.0/0
	ns_ip a route add default dev wt0
	doctor_says a 0
}

forwarding() {
	tunnels
	spoke_c
	peer_set a wt0 b wt0 allowed-ips 10.9.0.0/24
	session_up c wt0 b wt0 10.9.0.2
	pings through a 10.9.0.3
	doctor_says b 2 forwarding-off
	forwarding_on b
	defer ns b sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	expect ns a ping -n -c 1 -W 5 10.9.0.3
	doctor_says b 0
}

rp_filter() {
	tunnels
	peer_set b wt0 a wt0 allowed-ips +10.8.0.1/32
	ns_ip_batch a "addr add 10.8.0.1/32 dev wt0"
	ns b sysctl -qw net.ipv4.conf.wt0.rp_filter=1
	pings astray a 10.9.0.2 -I 10.8.0.1
	doctor_says b 2 rp-filter
}

# The route to the endpoint leads into the tunnel, and a mark routes the tunnel's own packets past it.
marked_route() {
	tunnels fwmark 7
	peer_set a wt0 b wt0 allowed-ips +198.51.100.0/24
	ns_ip_batch a "rule add fwmark 7 table 7" "route add 198.51.100.0/24 via 192.0.2.254 table 7" \
		"route del 198.51.100.0/24 via 192.0.2.254" "route add 198.51.100.0/24 dev wt0"
	defer ns_ip_batch a "route add 198.51.100.0/24 via 192.0.2.254" "rule del fwmark 7 table 7" \
		"route del 198.51.100.0/24 via 192.0.2.254 table 7"
	defer ns_ip a route del 198.51.100.0/24 dev wt0
}

# The filter ignores marks.
rp_filter_outside() {
	marked_route
	ns a sysctl -qw net.ipv4.conf.va.rp_filter=1
	defer ns a sysctl -qw net.ipv4.conf.va.rp_filter=0
	doctor_says a 2 rp-filter
	ns a sysctl -qw net.ipv4.conf.va.rp_filter=2
	doctor_says a 0
}

# As rp_filter_outside, by an nft rule, which no sysctl overrides.
rp_filter_rule() {
	marked_route
	nft_rule a prerouting 'fib saddr . mark . iif oif missing drop'
	doctor_says a 2 rp-filter
	expect_match "the rule" "$(cat "$lib_work/doctor")" "reverse path filter in chain doctor of nft table inet doctor"
	ns a nft flush chain inet doctor doctor
	wait_for 30 ns a ping -n -c 1 -W 1 10.9.0.2
	doctor_says a 0
}

mtu() {
	tunnels
	ns_ip a link set va mtu 1400
	defer ns_ip a link set va mtu 1500
	doctor_says a 1 mtu
	expect_match "mending" "$(cat "$lib_work/doctor")" "ip link set wt0 mtu 1340"
	ns_ip a link set wt0 mtu 1340
	doctor_says a 0
}

same_key() {
	tunnels
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	tunnel_create c wt0 10.9.0.2/24
	tunnel_set c wt0 private-key "$(tunnel_key_file b wt0)" peer "$(tunnel_key a wt0)" \
		allowed-ips 10.9.0.1/32 endpoint 192.0.2.1:51820
	session_up b wt0 a wt0 10.9.0.1
	session_up c wt0 a wt0 10.9.0.1
	pings from_b b 10.9.0.1
	pings from_c c 10.9.0.1 -i 0.41
	doctor_says a 2 same-key
	expect_match "between" "$(cat "$lib_work/doctor")" "203.0.113.3:51820"
}

# Reloading the firewall deletes the tunnel's nft table: the peer's packets lose their mark, and a strict filter finds
# the route back through the tunnel.
flushed() {
	tunnel_create b wt0 10.9.0.2/24
	new_key a.wt0
	tunnel_set b wt0 peer "$(public_key a.wt0)" allowed-ips 10.9.0.1/32
	umask 077
	conf "PrivateKey = $(cat "$(key_file a.wt0)")\nAddress = 10.9.0.1/24\n[Peer]\nPublicKey = $(tunnel_key b wt0)\nAllowedIPs = 0.0.0.0/0\nEndpoint = $there\n"
	ns_ip_batch a "route del 198.51.100.0/24 via 192.0.2.254" "route add default via 192.0.2.254"
	defer ns_ip_batch a "route add 198.51.100.0/24 via 192.0.2.254" "route del default via 192.0.2.254"
	ns a sysctl -qw net.ipv4.conf.va.rp_filter=1
	defer ns a sysctl -qw net.ipv4.conf.va.rp_filter=0
	expect ns a "$WEFT" up wt0
	defer ns a "$WEFT" down wt0
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	doctor_says a 0
	ns a nft flush ruleset
	# A peer counts as silent once data has gone unanswered for 15 s.
	expect_fail ns a ping -n -c 25 -i 1 -W 1 10.9.0.2
	doctor_says a 2 rp-filter
	expect ns a "$WEFT" up wt0
	wait_for 30 ns a ping -n -c 1 -W 1 10.9.0.2
	doctor_says a 0
}

# Names are looked up in parallel: the timeout of a silent name server is waited for once.
dead_names() {
	local name since text='' count=0

	tunnel_create a wt0 10.9.0.1/24
	for name in one two three four; do
		new_key "$name"
		tunnel_set a wt0 peer "$(public_key "$name")" allowed-ips "10.9.1.$((++count))/32"
		text+="[Peer]\nPublicKey = $(public_key "$name")\nEndpoint = $name.example:51820\n"
	done
	conf "$text"
	mkdir -p "/etc/netns/$(ns_name a)"
	defer rm -r "/etc/netns/$(ns_name a)"
	echo "nameserver 192.0.2.254" >"/etc/netns/$(ns_name a)/resolv.conf"
	[ -e /etc/resolv.conf ] || { touch /etc/resolv.conf; defer rm /etc/resolv.conf; }
	nft_rule r input udp dport 53 drop
	since=$(now_ms)
	ip netns exec "$(ns_name a)" "$WEFT" -j doctor wt0 >"$lib_work/doctor" || true
	expect_le "ms" $(($(now_ms) - since)) "$(late 20000)"
	expect_eq "names without an address" "$(grep -c '"code": *"unresolved"' "$lib_work/doctor")" 4
}

in_tree() {
	modprobe wireguard 2>/dev/null || skip "no module wireguard here"
	tunnel_create_kind wireguard a wt0 10.9.0.1/24
	tunnel_create b wt0 10.9.0.2/24
	peer_add a wt0 b wt0 10.9.0.2/32 endpoint $there
	peer_add b wt0 a wt0 10.9.0.1/32
	doctor_says a 0
	tunnel_set b wt0 peer "$(tunnel_key a wt0)" remove
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	tunnel_set a wt0 private-key /dev/null
	doctor_says a 2 no-private-key
	tunnel_set a wt0 private-key "$(tunnel_key_file a wt0)"
	# Without a key, too, no handshake starts within 5 s of the last one.
	pause 6
	doctor_says a 2 unanswered
}

run_case "nothing is wrong with a tunnel that works" healthy
run_case "links that doctor cannot read" cannot_look
run_case "no private key" no_key
run_case "the interface is down" is_down
run_case "no peers" no_peers
run_case "the peer lacks this end's key" unknown
run_case "no packet arrives at the peer" never_arrives
run_case "a wrong key for the peer" wrong_key
run_case "the preshared keys differ" wrong_psk
run_case "responses do not arrive" one_way
run_case "the peer's clock was set back" clock_back
run_case "a firewall bars the port inwards" barred
run_case "a firewall bars the port outwards" barred_out
run_case "a firewall bars the peer's port" barred_by_destination
run_case "a firewall on the path rejects" rejected_on_the_way
run_case "a firewall's policy bars the port" barred_by_policy
run_case "a stateful firewall drops incoming flows" stateful
run_case "iptables bars the port" barred_by_iptables
run_case "ip6tables bars the port" barred_by_ip6tables
run_case "the peer counts nothing of a diagnosis" leaves_no_trace
run_case "a session falls silent" fallen_silent
run_case "the endpoint's name has no address" unresolved
run_case "an allowed IP is given to two peers" prefix_lost
run_case "neither end has an endpoint" no_endpoint
run_case "there is no route to the endpoint" no_endpoint_route
run_case "the route to the endpoint leads into the tunnel" loop
run_case "no socket listens at the endpoint" refused
run_case "there is no machine at the endpoint" unreachable
run_case "an allowed IP has no route" no_route
run_case "a route leads past the tunnel" shadowed
run_case "allowed IPs overlap" overlap
run_case "a hub does not forward" forwarding
run_case "rp_filter drops packets from the tunnel" rp_filter
run_case "rp_filter drops the tunnel's own packets" rp_filter_outside
run_case "a rule for the way back drops the tunnel's own packets" rp_filter_rule
run_case "the tunnel's nft table is flushed, and the filter is strict" flushed
run_case "a name server is silent" dead_names
run_case "the MTU is too large" mtu
run_case "two machines have the same key" same_key
run_case "in-tree wireguard, by the fields that it has" in_tree
