#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# weft up, down, save, strip and resolve: a's tunnel is configured from a file, b's by single commands.
#
#	 namespace a                               namespace b
#	 ut0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2; lo 203.0.113.9
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

[ "$KIND" = weft ] || skip "$KIND has none of this"
umask 077
pair_underlay_create
tunnel_create b wt0 10.9.0.2/24 fd09::2/64
new_key a.ut0
echo weft >"$lib_work/kinds/a.ut0"
peer_add b wt0 a ut0 10.9.0.1/32,fd09::1/128,10.20.0.0/16
addr_add b lo 203.0.113.9/32 2001:db8:9::9/128
mkdir "$lib_work/bin" "$lib_work/files"
conf=$lib_work/files/ut0.conf
private=$(cat "$(key_file a.ut0)")
b_key=$(tunnel_key b wt0)
strange=$(printf '%042dA=' 7)

# A fake of a program that weft runs, which logs its arguments and its input.
cat >"$lib_work/bin/resolvconf" <<END
#!/bin/sh
echo "resolvconf \$*" >>$lib_work/resolvconf
case \$1 in -a) cat >>$lib_work/resolvconf ;; esac
END
chmod +x "$lib_work/bin/resolvconf"

weft_a() { # weft_a ARGS...
	ns a env PATH="$lib_work/bin:$PATH" "$WEFT" "$@"
}

# write_conf: the file of a's end, with more lines for the interface, allowed IPs of b, and more sections.
write_conf() { # write_conf INTERFACE_LINES [ALLOWED [MORE]]
	printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\n%b\n[Peer]\nPublicKey = %s\nAllowedIPs = %s\nEndpoint = 192.0.2.2:51820\n%b' \
		"$private" "$1" "$b_key" "${2-10.9.0.0/24, fd09::/64}" "${3-}" >"$conf"
}

plain='Address = 10.9.0.1/24, fd09::1/64'

# All state that "up" can change, as one text.
host_state() {
	ns_ip a -o addr show | sed "s, tentative,,"
	ns_ip a -o link show | sed 's/ qlen.*//'
	ns_ip a route show table all
	ns_ip a -6 route show table all | sed 's/ expires.*//'
	ns_ip a rule
	ns_ip a -6 rule
	# The sets contain the endpoints of recent packets, with their age.
	ns a nft -s list ruleset | sed -e '/elements = {.*}/d' -e '/elements = {/,/}/d'
}

take_down() {
	defer weft_a down "$conf"
}

expect_up() {
	expect weft_a up "$conf"
	take_down
}

expect_same() { # expect_same WHEN: all state is as recorded
	host_state >"$lib_work/now"
	diff "$lib_work/before" "$lib_work/now" || fail "$1: the state differs"
}

# A tentative address has no route yet: the snapshot waits until no address is tentative.
none_tentative() {
	[ -z "$(ns_ip a addr show dev va tentative)" ]
}

remember() {
	wait_for 10 none_tentative
	host_state >"$lib_work/before"
}

route_mtu() {
	ns_ip a -o link show ut0 | sed 's/.* mtu \([0-9]*\) .*/\1/'
}

warned() { # warned WORDS...: of the last up's standard error
	grep -qF -- "$*" "$lib_work/stderr" || fail "no warning of '$*': $(cat "$lib_work/stderr")"
}

make_and_remove() {
	remember
	write_conf "$plain\nFwMark = 7"
	expect_up
	expect_match "the link" "$(ns_ip a -d link show ut0)" 'UP.*mtu 1420.*weft'
	expect_eq "mark, port" "$(device_field a ut0 fwmark) $(device_field a ut0 port)" "0x7 51820"
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect ns a ping -n -c 1 -W 5 fd09::2
	# The kernel adds the addresses' own routes; weft adds none.
	expect_eq "routes by weft" "$(ns_ip a route show proto 119; ns_ip a -6 route show proto 119)" ""
	expect weft_a down "$conf"
	expect_same "after down"
}

by_name() {
	local folder=/etc/weft

	[ -d $folder ] || { mkdir $folder; defer rmdir $folder; }
	write_conf "$plain"
	cp "$conf" $folder/utname.conf
	defer rm -f $folder/utname.conf
	expect weft_a up utname
	expect ns_ip a link show utname
	expect weft_a down utname
	expect_fail ns_ip a link show utname
}

# Pings run during COMMAND; none is lost.
undisturbed() { # undisturbed COMMAND...
	local handshake

	write_conf "$plain"
	expect_up
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	handshake=$(peer_field a ut0 b wt0 handshake)
	ns_run pings b ping -n -i 0.05 -W 20 10.9.0.1
	wait_for 20 grep -q 'icmp_seq=5 ' "$(ns_output pings)"
	"$@"
	pings_stop pings
	expect_eq "latest handshake" "$(peer_field a ut0 b wt0 handshake)" "$handshake"
}

again_and_again() {
	remember
	expect weft_a up "$conf"
	expect weft_a up "$conf"
	expect_same "after the same file again"
}

differences() {
	ns_ip b route replace 10.20.0.0/16 dev wt0
	write_conf "Address = 10.9.0.1/24, 10.20.0.1/16, fd09::1/64\nMTU = 1400" "10.9.0.0/24, 10.30.0.0/16, fd09::/64" \
		"PersistentKeepalive = 33\n[Peer]\nPublicKey = $strange\nAllowedIPs = 10.40.0.0/16, fd40::/16\n"
	expect weft_a up "$conf"
	expect_eq "peers, keepalive" "$(peer_count a ut0) $(peer_field a ut0 b wt0 keepalive)" "2 33"
	expect_eq "routes by weft" "$(ns_ip a route show proto 119 | awk '{ print $1 }' | xargs)" "10.30.0.0/16 10.40.0.0/16"
	expect_eq "v6 routes by weft" "$(ns_ip a -6 route show proto 119 | awk '{ print $1 }')" "fd40::/16"
	expect_eq "MTU" "$(route_mtu)" 1400
	expect ns a ping -n -c 1 -W 5 -I 10.20.0.1 10.9.0.2
	# The first address of a network is removed, the second stays; a route replaces the one of a removed address.
	write_conf "Address = 10.9.0.1/32, 10.20.0.9/16, fd09::1/128"
	expect weft_a up "$conf"
	expect_eq "peers, keepalive" "$(peer_count a ut0) $(peer_field a ut0 b wt0 keepalive)" "1 off"
	expect_eq "addresses" "$(ns_ip a -4 -o addr show ut0 | awk '{ print $4 }' | xargs)" "10.9.0.1/32 10.20.0.9/16"
	expect_eq "v6 addresses" "$(ns_ip a -6 -o addr show ut0 | awk '{ print $4 }')" "fd09::1/128"
	expect_eq "routes by weft" "$(ns_ip a route show proto 119 | awk '{ print $1 }')" "10.9.0.0/24"
	expect_eq "MTU" "$(route_mtu)" 1420
}

secondaries() {
	write_conf "Address = 10.9.0.1/24, 10.9.0.7/24"
	expect_up
	write_conf "Address = 10.9.0.7/24, 10.9.0.8/24"
	expect weft_a up "$conf"
	expect_eq "addresses" "$(ns_ip a -4 -o addr show ut0 | awk '{ print $4 }' | xargs)" "10.9.0.7/24 10.9.0.8/24"
}

# Addresses and routes that another program added to the interface stay.
others_stay() {
	write_conf "$plain"
	expect_up
	addr_add a ut0 10.99.0.1/24
	ns_ip a route add 10.98.0.0/16 dev ut0
	expect weft_a up "$conf"
	expect_match "addresses" "$(ns_ip a addr show ut0)" '10\.99\.0\.1/24'
	expect_match "routes" "$(ns_ip a route)" '10\.98\.0\.0/16'
}

tables() {
	write_conf "Address = 10.9.0.1/32\nTable = 77" "10.9.0.0/24, 0.0.0.0/0"
	remember
	expect_up
	expect_eq "table 77" "$(ns_ip a route show table 77 | awk '{ print $1 }' | xargs)" "default 10.9.0.0/24"
	expect_eq "main table" "$(ns_ip a route show proto 119)" ""
	write_conf "Address = 10.9.0.1/32\nTable = off" "10.9.0.0/24, 0.0.0.0/0"
	expect weft_a up "$conf"
	expect_eq "table 77" "$(ns_ip a route show table 77)" ""
	expect weft_a down "$conf"
	expect_same "after down"
}

# 80 less than the smaller of two path MTUs, one of a link and one of a route.
mtu_of_ways() {
	ns_ip a route add 198.51.100.0/24 via 192.0.2.2 mtu 1300
	defer ns_ip a route del 198.51.100.0/24
	write_conf "Address = 10.9.0.1/32" 10.9.0.0/24 "[Peer]\nPublicKey = $strange\nEndpoint = 198.51.100.7:9\n"
	expect_up
	expect_eq "MTU with a way of 1300" "$(route_mtu)" 1220
	ns_ip a link set va mtu 1280
	defer ns_ip a link set va mtu 1500
	expect weft_a up "$conf"
	expect_eq "MTU with a link of 1280" "$(route_mtu)" 1200
	write_conf "$plain"
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	warned "less than the 1280 that IPv6 (fd09::1/64) needs"
	expect_eq "MTU with IPv6" "$(route_mtu)" 1280
	expect ns a ping -n -c 1 -W 5 fd09::2
}

# A router: the allowed IPs are IPv6, and the tunnel has no IPv6 address.
mtu_of_a_router() {
	ns_ip a link set va mtu 1320
	defer ns_ip a link set va mtu 1500
	ns_ip a addr add 2001:db8:aa::1/128 dev lo nodad
	defer ns_ip a addr del 2001:db8:aa::1/128 dev lo
	peer_set b wt0 a ut0 allowed-ips +2001:db8:aa::/64
	defer peer_set b wt0 a ut0 allowed-ips -2001:db8:aa::/64
	ns_ip b -6 route add 2001:db8:aa::/64 dev wt0
	defer ns_ip b -6 route del 2001:db8:aa::/64
	write_conf "Address = 10.9.0.1/24"
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	take_down
	warned "less than the 1280 that IPv6 (fd09::/64) needs"
	expect_eq "MTU" "$(route_mtu)" 1280
	expect ns a ping -6 -n -c 1 -W 5 -I 2001:db8:aa::1 fd09::2
	# When the file has no IPv6 any more, weft removes its routes first, and then disables IPv6.
	write_conf "Address = 10.9.0.1/24" 10.9.0.0/24
	expect weft_a up "$conf"
	expect_eq "MTU without IPv6" "$(route_mtu)" 1240
	write_conf "Address = 10.9.0.1/24"
	expect weft_a up "$conf"
	expect ns a ping -6 -n -c 1 -W 5 -I 2001:db8:aa::1 fd09::2
}

# An address that another program added keeps IPv6 enabled.
mtu_of_others() {
	ns_ip a link set va mtu 1320
	defer ns_ip a link set va mtu 1500
	write_conf "Address = 10.9.0.1/24\nMTU = 1400" 10.9.0.0/24
	expect_up
	ns_ip a addr add fd99::1/64 dev ut0 nodad
	write_conf "Address = 10.9.0.1/24" 10.9.0.0/24
	expect weft_a up "$conf"
	expect_match "the address" "$(ns_ip a -o addr show ut0)" fd99::1
	write_conf "Address = 10.9.0.1/24\nMTU = 1200" 10.9.0.0/24
	expect_error "an MTU of 1200 is too small for IPv6 (fd99::1/64)" weft_a up "$conf"
}

without_ip6() {
	local default=/proc/sys/net/ipv6/conf/default/disable_ipv6

	ns a sh -c "echo 1 >$default"
	defer ns a sh -c "echo 0 >$default"
	write_conf "Address = 10.9.0.1/24" "0.0.0.0/0, ::/0"
	refused_up "ut0: the file has IPv6 (::/0), and this machine disables IPv6 by $default"
	write_conf "$plain" 10.9.0.0/24
	refused_up "ut0: the file has IPv6 (fd09::1/64), and this machine disables IPv6 by $default"
	write_conf "Address = 10.9.0.1/24" 10.9.0.0/24
	expect_up
}

# weft warns of IPv6 outside a tunnel that takes all of IPv4.
beside() {
	ns_ip a -6 route add default via 2001:db8::2
	defer ns_ip a -6 route del default
	write_conf "Address = 10.9.0.1/24" 0.0.0.0/0
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	take_down
	warned "IPv6 bypasses the tunnel"
	write_conf "$plain" "0.0.0.0/0, ::/0"
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	expect_fail grep "bypasses the tunnel" "$lib_work/stderr"
}

hooks() {
	local log=$lib_work/hooks

	rm -f "$log"
	write_conf "$plain\nPreUp = echo preup %i \$(ip -o link show %i 2>&1 | wc -w) >>$log\nPostUp = echo postup %i >>$log\nPostUp = ip -o addr show %i | grep -c inet >>$log\nPreDown = ip -o link show %i >/dev/null && echo predown %i >>$log\nPostDown = ip -o link show %i 2>/dev/null || echo postdown %i >>$log"
	expect_up
	expect weft_a up "$conf"
	expect weft_a down "$conf"
	expect_eq "output of hooks" "$(xargs <"$log")" "preup ut0 5 postup ut0 2 predown ut0 postdown ut0"
}

# wg(8) itself does not support links of kind weft.
hooks_say_wg() {
	local log=$lib_work/hooks key

	key=$(key_file a.ut0)
	rm -f "$log"
	write_conf "$plain\nPostUp = wg set %i private-key $key fwmark 0x7\nPostUp = wg show %i fwmark >>$log; wg showconf %i | grep -c ^Endpoint >>$log\nPreDown = wg show %i private-key | diff - $key && wg show %i peers | wc -l >>$log" \
		"10.9.0.0/24, fd09::/64" "Name = harbour"
	sed -i '/^PrivateKey/d' "$conf"
	expect_up
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect weft_a down "$conf"
	expect_eq "output of hooks" "$(xargs <"$log")" "0x7 1 1"
	write_conf "$plain\nPostUp = /nosuch/wg show %i"
	expect_error "a wg called by its path does not support links of kind weft" weft_a up "$conf"
}

# A user with write access to the file, or to a folder on its path, could make root run any command.
open_hooks() {
	local log=$lib_work/hooks

	rm -f "$log"
	remember
	write_conf "$plain\nPreUp = echo ran >>$log"
	chmod 620 "$conf"
	expect_error "'$conf' has hooks, and other users can write to" weft_a up "$conf"
	chmod 600 "$conf"
	chown 65534 "$conf"
	expect_error "belongs to user 65534" weft_a up "$conf"
	chown 0 "$conf"
	chmod 770 "$lib_work/files"
	expect_error "'$conf' has hooks, and other users can write to" weft_a up "$conf"
	chmod 700 "$lib_work/files"
	expect_fail ls "$log"
	expect_same "after refusals"
	expect_up
	chmod 602 "$conf"
	expect_error "has hooks" weft_a down "$conf"
	chmod 600 "$conf"
	expect weft_a down "$conf"
	expect_eq "output of hooks" "$(cat "$log")" ran
}

# Each mistake is reported with its line; "up" continues after warnings, and refuses errors.
mistakes() {
	local out

	write_conf "$plain" "10.9.0.0/24, 10.9.0.0/24" "[Peer]\nPublicKey = $strange\nAllowedIPs = 10.9.0.0/24\nName = a\n[Peer]\nPublicKey = $b_key\nAllowedIPs = fd09::/64\nName = b"
	out=$(ns a "$WEFT" check "$conf") || fail "check: status $?"
	expect_match "one key twice" "$out" "$conf:14: warning: PublicKey: duplicate public key, as in line 6"
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	take_down
	warned "$conf:14: PublicKey: duplicate public key, as in line 6"
	expect_eq "allowed IPs of the last section" "$(ns a "$WEFT" show ut0 allowed-ips | grep "$b_key")" "$b_key"$'\t'fd09::/64
	expect weft_a up "$conf" 2>/dev/null
	expect_eq "the same a second time" "$(ns a "$WEFT" show ut0 allowed-ips | grep "$b_key")" "$b_key"$'\t'fd09::/64
	sed -i 's/^Name = b/Name = a/' "$conf"
	expect_error "$conf:16: Name: 'a' is also the name of the peer in line 12" weft_a up "$conf"
	write_conf "$plain" "10.9.0.0/24" "[Peer]\nPublicKey = $strange\nAllowedIPs = 10.9.0.0/24"
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	warned "10.9.0.0/24 is also an allowed IP of peer $b_key in line 7"
	write_conf "$plain" "10.9.0.0/24" "[Peer]\nPublicKey = $("$WEFT" pubkey <<<"$private")"
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	warned "$conf:10: PublicKey: this is the interface's own public key"
	expect ns a "$WEFT" check "$conf" >/dev/null
	expect_eq "peers beside the own key" "$(ns a "$WEFT" show ut0 peers)" "$b_key"
}

# The error is COMPLAINT, which names the step; no state changes.
refused_up() { # refused_up COMPLAINT
	remember
	expect_error "$1" weft_a up "$conf"
	expect_same "after a failure"
}

failures() {
	rm -f "$lib_work/hooks"
	write_conf "$plain\nDNS = 192.0.2.53\nPostUp = exit 3\nPostDown = echo postdown >>$lib_work/hooks" "0.0.0.0/0, ::/0"
	refused_up "PostUp: ut0: bash: exit status 3"
	expect_eq "output of PostDown" "$(cat "$lib_work/hooks")" postdown
	write_conf "$plain\nPreUp = exit 4"
	refused_up "$conf:5: PreUp: ut0: bash: exit status 4"
	write_conf "$plain\nPostUp = kill \$PPID"
	refused_up "by signal 15"
	# A route with the same destination exists, through another link.
	ns_ip a route add 10.77.0.0/16 dev va
	defer ns_ip a route del 10.77.0.0/16
	write_conf "$plain" "10.9.0.0/24, 10.76.0.0/16, 10.77.0.0/16"
	refused_up "ut0: cannot add the route to 10.77.0.0/16 in table 254: File exists"
	write_conf "$plain\nFwMark = 9\nMTU = 70" "10.9.0.0/24, 10.77.0.0/16"
	refused_up "MTU: an MTU of 70 is too small for IPv6 (fd09::1/64): below 1280"
	write_conf "Address = 10.9.0.1/24\nMTU = 1200" "0.0.0.0/0, ::/0"
	refused_up "MTU: an MTU of 1200 is too small for IPv6 (::/0): below 1280"
	write_conf "$plain\nFwMark = 254" "0.0.0.0/0"
	refused_up "FwMark: with a default route the mark is also the number of a routing table, and table 254 is"
	write_conf "$plain\nTable = 255"
	refused_up "Table: '255' is the kernel's table"
	write_conf "$plain" 10.9.0.0/24
	# A link of another kind has this name.
	ns_ip a link add ut0 type dummy
	defer ns_ip a link del ut0
	refused_up "ut0: a link of this name exists, and is neither weft nor wireguard"
}

# A failed change of a running interface is undone, including sessions.
failed_change() {
	local before

	ns_ip a route add 10.77.0.0/16 dev va
	defer ns_ip a route del 10.77.0.0/16
	remember
	before=$(ns a "$WEFT" show ut0 dump | cut -f 1-4,8)
	write_conf "Address = 10.9.0.1/24, fd09::1/64, 10.20.0.1/16\nFwMark = 9" "10.9.0.0/24, fd09::/64, 10.76.0.0/16, 10.77.0.0/16" \
		"PersistentKeepalive = 9\n[Peer]\nPublicKey = $strange\nAllowedIPs = 10.40.0.0/16\n"
	expect_error "ut0: cannot add the route to 10.77.0.0/16 in table 254: File exists" weft_a up "$conf"
	expect_same "after a failed change"
	expect_eq "the device" "$(ns a "$WEFT" show ut0 dump | cut -f 1-4,8)" "$before"
}

# All packets but the tunnel's own are routed through it, and packets from other interfaces for its addresses are
# dropped.
default_route() {
	ns_ip a route add default via 192.0.2.2
	defer ns_ip a route del default
	remember
	write_conf "$plain" "0.0.0.0/0, ::/0"
	expect_up
	expect_eq "mark" "$(device_field a ut0 fwmark)" 0xca6c
	expect_eq "rules" "$(ns_ip a rule | awk '/proto 119|suppress|fwmark/ { $1 = ""; print }' | xargs)" \
		"from all lookup main suppress_prefixlength 0 proto 119 not from all fwmark 0xca6c lookup 51820 proto 119"
	expect_eq "v6 rules" "$(ns_ip a -6 rule | grep -c 'proto 119')" 2
	expect_match "way to elsewhere" "$(ns_ip a route get 203.0.113.9)" 'dev ut0'
	expect_match "way to a neighbour" "$(ns_ip a route get 192.0.2.2)" 'dev va'
	expect_match "way of the tunnel's own packets" "$(ns_ip a route get 203.0.113.9 mark 0xca6c)" 'dev va'
	expect ns a ping -n -c 1 -W 5 203.0.113.9
	expect ns a ping -n -c 1 -W 5 2001:db8:9::9
	expect_eq "marks count for the path filter" "$(ns a cat /proc/sys/net/ipv4/conf/all/src_valid_mark)" 1
	ns_ip b route add 10.9.0.1/32 via 192.0.2.1 dev vb
	defer ns_ip b route del 10.9.0.1/32 via 192.0.2.1
	expect_fail ns b ping -n -c 1 -W 1 -I 192.0.2.2 10.9.0.1
	ns_ip b route del 10.9.0.1/32 via 192.0.2.1
	host_state >"$lib_work/up"
	ns a nft delete table inet weft-ut0
	expect weft_a up "$conf"
	host_state | diff "$lib_work/up" - || fail "a second up does not bring the firewall back"
}

counted() { # counted COMMENT: packets counted by the rule with that comment in a's table "operator"
	ns a nft list table inet operator | sed -n "s/.*packets \([0-9]*\) .*comment \"$1\".*/\1/p"
}

b_sends() { # b_sends PORT
	ns b bash -c "echo >/dev/udp/192.0.2.1/$1"
}

# The rules that "up" adds to netfilter match the tunnel's packets, and no others.
foreign_rules() {
	local tracked=/proc/sys/net/netfilter/nf_conntrack_count

	write_conf "$plain, 192.0.2.1/32, 2001:db8::1/128" "0.0.0.0/0, ::/0"
	expect_up
	expect ns a ping -n -c 1 -W 5 203.0.113.9
	[ ! -e $tracked ] || expect_eq "connections that are tracked" "$(ns a cat $tracked)" 0
	# An address that another interface has, too, is reachable through that interface.
	expect ns b ping -n -c 1 -W 5 192.0.2.1
	expect ns b ping -n -c 1 -W 5 2001:db8::1
	# Marks that other rules set on packets and connections are not changed.
	ns a nft -f - <<-'END'
		table inet operator {
			chain early {
				type filter hook prerouting priority -160
				udp dport 7777 meta mark set 0x55
				udp dport 7778 ct mark set 0x66
			}
			chain late {
				type filter hook input priority 0
				udp dport 7777 meta mark 0x55 counter comment "marked"
				udp dport 7778 meta mark 0 counter comment "unmarked"
				udp dport 7778 meta mark != 0 counter comment "restored"
				udp dport 51820 ct mark 0x77 counter comment "kept"
			}
			chain post {
				type filter hook postrouting priority -160
				meta mark 0xca6c ct mark set 0x77
			}
			chain passing {
				type filter hook prerouting priority 0
				ip daddr 198.51.100.9 meta mark 0 counter comment "passed"
				ip daddr 198.51.100.9 meta mark != 0 counter comment "taken"
			}
		}
	END
	defer ns a nft delete table inet operator
	b_sends 7777
	b_sends 7778
	expect ns a ping -n -c 1 -W 5 203.0.113.9
	expect_eq "packets with another's mark" "$(counted marked)" 1
	expect_eq "packets of a connection with another's mark" "$(counted unmarked) $(counted restored)" "1 0"
	expect_ge "the tunnel's packets of a connection with another's mark" "$(counted kept)" 1
	foreign_destination
}

# A packet from the peer's former endpoint to another host: it has the addresses and ports of the tunnel's packets,
# except for that host.
foreign_destination() {
	ns_ip b route add 198.51.100.9/32 via 192.0.2.1 dev vb
	defer ns_ip b route del 198.51.100.9/32
	tunnel_set b wt0 listen-port 51830
	defer tunnel_set b wt0 listen-port 51820
	expect ns b socat - UDP-SENDTO:198.51.100.9:51820,sourceport=51820 <<<passing
	expect_eq "packets to another host, with and without the tunnel's mark" "$(counted taken) $(counted passed)" "0 1"
}

# The reverse path filter looks up by the mark, with source NAT on the outer packets, too.
strict_filter() {
	ns_ip b addr add 198.51.100.2/32 dev lo
	defer ns_ip b addr del 198.51.100.2/32 dev lo
	ns_ip a route add default via 192.0.2.2
	defer ns_ip a route del default
	ns a sysctl -qw net.ipv4.conf.all.rp_filter=1
	defer ns a sysctl -qw net.ipv4.conf.all.rp_filter=0
	write_conf "$plain" 0.0.0.0/0
	sed -i 's/^Endpoint.*/Endpoint = 198.51.100.2:51820/' "$conf"
	expect_up
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect weft_a down "$conf"
	ns a nft -f - <<-'END'
		table inet operator {
			chain post {
				type nat hook postrouting priority 100
				oifname va udp sport 51820 masquerade to :40000-40010
			}
		}
	END
	defer ns a nft delete table inet operator
	expect weft_a up "$conf"
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect_match "port outside" "$(tunnel_tool b wt0 show wt0 endpoints)" ':400[01][0-9]$'
}

default_back() {
	# The file has no default route any more, and then another mark.
	write_conf "$plain"
	expect weft_a up "$conf"
	expect_eq "rules" "$(ns_ip a rule | grep -c 'proto 119' || true)" 0
	expect_eq "nft tables" "$(ns a nft list tables)" ""
	write_conf "$plain\nFwMark = 0x77" "0.0.0.0/0"
	expect weft_a up "$conf"
	write_conf "$plain\nFwMark = 0x78" "0.0.0.0/0"
	expect weft_a up "$conf"
	expect_eq "rules by mark" "$(ns_ip a rule | sed -n 's/.*fwmark \(0x[0-9a-f]*\).*/\1/p')" 0x78
	expect_eq "table 0x77" "$(ns_ip a route show table 119)" ""
	expect weft_a down "$conf"
	expect_same "after down"
}

default_routes() {
	default_route
	default_back
}

name_servers() {
	rm -f "$lib_work/resolvconf"
	write_conf "$plain\nDNS = 10.9.0.2, fd09::2\nDNS = example.org"
	expect_up
	expect weft_a down "$conf"
	expect_eq "input of resolvconf" "$(cat "$lib_work/resolvconf")" \
"resolvconf -a ut0 -m 0 -x
nameserver 10.9.0.2
nameserver fd09::2
search example.org
resolvconf -d ut0 -f"
}

saving() {
	local folder

	write_conf "$plain\nSaveConfig = true\nTable = auto\nForwarding = on\nPostUp = true %i" "10.9.0.0/24, fd09::/64" \
		"Name = harbour\n[Peer]\nPublicKey = $strange\nEndpoint = localhost:7\n"
	expect_up
	expect weft_a set ut0 listen-port 51999 peer "$b_key" persistent-keepalive 25
	addr_add a ut0 10.50.0.1/16
	expect weft_a save "$conf"
	expect weft_a down "$conf"
	expect_eq "the file" "$(grep -v -e PrivateKey -e '^PublicKey' "$conf" | sort | grep .)" "$(
		sort <<-END
			[Interface]
			Address = 10.9.0.1/24
			Address = 10.50.0.1/16
			Address = fd09::1/64
			Table = auto
			Forwarding = on
			SaveConfig = true
			PostUp = true %i
			ListenPort = 51999
			[Peer]
			Name = harbour
			AllowedIPs = 10.9.0.0/24, fd09::/64
			Endpoint = 192.0.2.2:51820
			PersistentKeepalive = 25
			[Peer]
			Endpoint = localhost:7
		END
	)"
	expect_eq "mode of the file" "$(stat -c %a "$conf")" 600
	expect weft_a up "$conf"
	expect_eq "port" "$(device_field a ut0 port)" 51999
}

# The hook changes the port and is listed in the file: the file is read again before it is saved.
saving_by_hook() {
	write_conf "$plain\nSaveConfig = true\nPreDown = $WEFT set %i listen-port 51998\nPreDown = $WEFT save $conf"
	expect weft_a up "$conf"
	expect weft_a down "$conf"
	expect_eq "saved ports" "$(grep ^ListenPort "$conf")" "ListenPort = 51998"
	expect_eq "saved hooks" "$(grep -c ^PreDown "$conf")" 2
}

stripping() {
	write_conf "  $plain # mine \nDNS = 1.1.1.1\nMTU=1400\nsaveconfig = true\n\n# a remark\nPostUp = true" "10.9.0.0/24" "Name = harbour\n"
	weft_a strip "$conf" >"$lib_work/stripped"
	expect_eq "peer names" "$(grep -c '^Name = harbour$' "$lib_work/stripped")" 1
	wg-quick strip "$conf" | diff - "$lib_work/stripped" || fail "wg-quick strips otherwise"
	expect_up
	expect weft_a syncconf ut0 "$lib_work/stripped"
}

# Packets from b through the tunnel to a network behind a, which forwards them.
passed_on() {
	local before

	before=$(link_stat a behind tx_packets)
	ns b ping -n -c 1 -W 1 10.20.0.7 >/dev/null || true
	echo $(($(link_stat a behind tx_packets) - before))
}

# Since Linux 6.17 IPv6 forwarding is a setting of a link; before, of the namespace.
forwarding6() {
	local switch=/proc/sys/net/ipv6/conf/ut0/force_forwarding

	if ns a test -e $switch; then
		expect_eq "v6 switch" "$(ns a cat $switch)" 1
		expect_eq "warnings" "$(cat "$lib_work/stderr")" ""
	else
		warned "IPv6 is not forwarded: net.ipv6.conf.all.forwarding is 0"
		expect_eq "warnings" "$(wc -l <"$lib_work/stderr")" 1
	fi
}

forwarding() {
	ns_ip a link add behind type dummy
	defer ns_ip a link del behind
	addr_add a behind 10.20.0.1/24
	ns_ip a link set behind up
	ns_ip b route replace 10.20.0.0/16 dev wt0
	write_conf "$plain"
	expect weft_a up "$conf"
	take_down
	session_up a ut0 b wt0 10.9.0.2
	expect_eq "passed on without forwarding" "$(passed_on)" 0
	write_conf "$plain\nForwarding = on"
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	expect_eq "passed on" "$(passed_on)" 1
	expect_eq "v4 switch" "$(ns a cat /proc/sys/net/ipv4/conf/ut0/forwarding)" 1
	forwarding6
	ns a nft 'table inet strict { chain forward { type filter hook forward priority 0; policy drop; }; }'
	defer ns a nft delete table inet strict
	ns a sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.conf.ut0.rp_filter=1
	defer ns a sysctl -qw net.ipv6.conf.all.forwarding=0
	write_conf "$plain\nForwarding = on\nTable = off"
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	warned "chain 'forward' of nft table 'inet strict' has policy drop"
	warned "rp_filter is strict, and with 'Table = off'"
	expect_eq "warnings" "$(wc -l <"$lib_work/stderr")" 2
	ns a nft add rule inet strict forward iifname ut0 accept
	write_conf "$plain\nForwarding = on"
	expect weft_a up "$conf" 2>"$lib_work/stderr"
	expect_eq "warnings when forwarding is on" "$(cat "$lib_work/stderr")" ""
	write_conf "$plain\nForwarding = off"
	expect weft_a up "$conf"
	expect_eq "v4 switch" "$(ns a cat /proc/sys/net/ipv4/conf/ut0/forwarding)" 0
	expect_eq "passed on, switched off" "$(passed_on)" 0
}

hosts() { # hosts ADDRESS: of "harbour" in a
	printf '127.0.0.1 localhost\n%s harbour\n' "$1" >"/etc/netns/$(ns_name a)/hosts"
}

# In a mount namespace, in which /etc/hosts is a's own.
resolve_a() { # resolve_a IFACE
	ip netns exec "$(ns_name a)" "$WEFT" resolve "$1"
}

# The address of a name changes, and the peer is silent.
resolving() {
	local folder=/etc/weft

	mkdir -p "/etc/netns/$(ns_name a)"
	defer rm -r "/etc/netns/$(ns_name a)"
	[ -d $folder ] || { mkdir $folder; defer rmdir $folder; }
	hosts 192.0.2.99
	write_conf "$plain" "10.9.0.0/24" "Name = harbour-master\n"
	sed 's/^Endpoint.*/Endpoint = harbour:51820/' "$conf" >$folder/ut0.conf
	defer rm -f $folder/ut0.conf
	expect ip netns exec "$(ns_name a)" "$WEFT" up ut0
	defer weft_a down ut0
	hosts 192.0.2.2
	# A peer that has never answered counts as silent.
	expect_eq "output of resolve" "$(resolve_a ut0)" "ut0: peer harbour-master now has endpoint 192.0.2.2:51820"
	session_up a ut0 b wt0 10.9.0.2
	hosts 192.0.2.98
	expect_eq "output of resolve for a peer that answers" "$(resolve_a all)" ""
	expect_eq "endpoint" "$(peer_field a ut0 b wt0 endpoint)" 192.0.2.2:51820
	pause 140
	expect_eq "output of resolve for a silent peer" "$(resolve_a all)" "ut0: peer harbour-master now has endpoint 192.0.2.98:51820"
	expect_eq "endpoint" "$(peer_field a ut0 b wt0 endpoint)" 192.0.2.98:51820
	hosts 192.0.2.98
	sed -i 's/harbour:51820/nowhere.invalid:51820/' $folder/ut0.conf
	expect_error "cannot resolve 'nowhere.invalid:51820'" resolve_a ut0
}

# A name without an address delays no other peer, and "weft resolve" finds the address later.
unresolved() {
	local folder=/etc/weft since

	mkdir -p "/etc/netns/$(ns_name a)"
	defer rm -r "/etc/netns/$(ns_name a)"
	[ -d $folder ] || { mkdir $folder; defer rmdir $folder; }
	hosts 192.0.2.99
	write_conf "$plain" 10.9.0.0/24 "[Peer]\nPublicKey = $strange\nAllowedIPs = 10.30.0.0/16\nEndpoint = nowhere.invalid:7\n"
	cp "$conf" $folder/ut0.conf
	defer rm -f $folder/ut0.conf
	since=$(now_ms)
	expect ip netns exec "$(ns_name a)" "$WEFT" up ut0 2>"$lib_work/stderr"
	defer weft_a down ut0
	expect_le "ms until it was up" $(($(now_ms) - since)) "$(late 15000)"
	warned "cannot resolve 'nowhere.invalid:7'"
	warned "ut0: peer $strange comes up without an endpoint"
	expect_eq "endpoint" "$(ns a "$WEFT" show ut0 endpoints | grep -F "$strange" | cut -f 2)" "(none)"
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	echo "192.0.2.77 nowhere.invalid" >>"/etc/netns/$(ns_name a)/hosts"
	expect_eq "output of resolve" "$(resolve_a ut0)" "ut0: peer $strange now has endpoint 192.0.2.77:7"
	# A reload without that name changes no endpoint, and does not wait for a silent name server.
	hosts 192.0.2.99
	echo "nameserver 192.0.2.99" >"/etc/netns/$(ns_name a)/resolv.conf"
	[ -e /etc/resolv.conf ] || { touch /etc/resolv.conf; defer rm /etc/resolv.conf; }
	since=$(now_ms)
	expect ip netns exec "$(ns_name a)" "$WEFT" up ut0 2>"$lib_work/stderr"
	expect_le "ms until it was up again" $(($(now_ms) - since)) "$(late 4000)"
	warned "ut0: peer $strange keeps its endpoint"
	expect_eq "endpoint" "$(ns a "$WEFT" show ut0 endpoints | grep -F "$strange" | cut -f 2)" "192.0.2.77:7"
}

# b roams, and a's file still has its former endpoint.
roamed() {
	write_conf "$plain"
	expect_up
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	tunnel_set b wt0 listen-port 51830
	defer tunnel_set b wt0 listen-port 51820
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	expect_eq "endpoint" "$(peer_field a ut0 b wt0 endpoint)" 192.0.2.2:51830
	ns_run pings a ping -n -i 0.05 -W 20 10.9.0.2
	wait_for 20 grep -q 'icmp_seq=5 ' "$(ns_output pings)"
	expect weft_a up "$conf"
	expect_eq "endpoint after up" "$(peer_field a ut0 b wt0 endpoint)" 192.0.2.2:51830
	weft_a strip "$conf" >"$lib_work/stripped"
	expect weft_a syncconf ut0 "$lib_work/stripped"
	expect_eq "endpoint after syncconf" "$(peer_field a ut0 b wt0 endpoint)" 192.0.2.2:51830
	wait_for 20 grep -q 'icmp_seq=20 ' "$(ns_output pings)"
	pings_stop pings
	# A changed endpoint in the file takes effect.
	sed -i 's/^Endpoint.*/Endpoint = 192.0.2.2:7/' "$conf"
	expect weft_a up "$conf"
	expect_eq "endpoint of another file" "$(peer_field a ut0 b wt0 endpoint)" 192.0.2.2:7
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	# The peer is at none of the endpoints of the file.
	sed -i 's/^Endpoint.*/Endpoint = 192.0.2.2:7, 198.51.100.9:7/' "$conf"
	expect weft_a up "$conf"
	expect ns b ping -n -c 1 -W 5 10.9.0.1
	expect weft_a up "$conf"
	expect_eq "endpoint beside several" "$(peer_field a ut0 b wt0 endpoint)" 192.0.2.2:51830
}

run_parallel() { # run_parallel NUMBER: starts that many commands together
	local i

	for ((i = 0; i < $1; i++)); do
		ns_run "up$i" a env PATH="$lib_work/bin:$PATH" "$WEFT" up "$conf"
	done
	for ((i = 0; i < $1; i++)); do
		ns_wait "up$i" 120 || fail "one of $1 ended with status $?: $(cat "$(ns_output "up$i")")"
	done
}

is_complete() { # is_complete WHEN: there is one tunnel, with all its state once
	expect_eq "rules $1" "$(ns_ip a rule | grep -c 'proto 119') $(ns_ip a -6 rule | grep -c 'proto 119')" "2 2"
	expect_eq "default routes $1" "$(ns_ip a route show table 51820; ns_ip a -6 route show table 51820 | grep -o '^default dev ut0')" \
		"default dev ut0 proto 119 scope link "$'\n'"default dev ut0"
	expect_eq "nft tables $1" "$(ns a nft list tables)" "table inet weft-ut0"
	expect_eq "peers $1" "$(ns a "$WEFT" show ut0 peers)" "$b_key"
	expect_eq "addresses $1" "$(ns_ip a -4 -o addr show ut0 | awk '{ print $4 }')" 10.9.0.1/24
	expect_match "way to elsewhere $1" "$(ns_ip a route get 203.0.113.9)" 'dev ut0'
}

# The first command creates the tunnel, the others find it as the file has it; a command that waited changes nothing.
several_ups() {
	local log=$lib_work/hooks round

	ns_ip a route add default via 192.0.2.2
	defer ns_ip a route del default
	remember
	write_conf "$plain\nPostUp = echo postup >>$log\nPostDown = echo postdown >>$log" "0.0.0.0/0, ::/0"
	take_down
	for round in 1 2 3 4 5 6; do
		rm -f "$log"
		run_parallel 4
		is_complete "in round $round"
		expect_eq "hooks that ran in round $round" "$(cat "$log")" postup
		expect ns a ping -n -c 1 -W 5 203.0.113.9
		expect weft_a down "$conf"
		expect_same "after down in round $round"
	done
}

# Container managers and udev scripts delete links.
deleted_link() {
	local log=$lib_work/hooks

	rm -f "$log" "$lib_work/resolvconf"
	ns_ip a route add default via 192.0.2.2
	defer ns_ip a route del default
	remember
	write_conf "$plain\nDNS = 192.0.2.53\nPostDown = echo postdown >>$log" "0.0.0.0/0, ::/0"
	expect_up
	ns_ip a link del ut0
	expect_eq "rules that a deleted link leaves" "$(ns_ip a rule | grep -c 'proto 119')" 2
	expect weft_a down "$conf"
	expect_same "after down"
	expect_eq "output of PostDown" "$(cat "$log")" postdown
	expect_eq "last input of resolvconf" "$(tail -n 1 "$lib_work/resolvconf")" "resolvconf -d ut0 -f"
	expect_error "ut0: the interface is not up" weft_a down "$conf"
	expect weft_a up "$conf"
	ns_ip a link del ut0
	expect weft_a up "$conf"
	is_complete "after up without a down"
	expect ns a ping -n -c 1 -W 5 203.0.113.9
	expect weft_a down "$conf"
	expect_same "after the last down"
}

# "down" uses the journal of "up".
without_file() {
	local log=$lib_work/hooks unusable="ut0: the file cannot be used: the record of 'weft up' is used instead"

	rm -f "$log"
	ns_ip a route add default via 192.0.2.2
	defer ns_ip a route del default
	remember
	write_conf "$plain\nPreDown = echo predown >>$log\nPostDown = echo postdown %i >>$log" "0.0.0.0/0, ::/0"
	expect_up
	rm "$conf"
	expect weft_a down ut0 2>"$lib_work/stderr"
	warned "$unusable"
	expect_same "after down without a file"
	expect_eq "output of hooks" "$(xargs <"$log")" "predown postdown ut0"
	expect_error "'ut0' has no file" weft_a down ut0
	write_conf "$plain" "0.0.0.0/0, ::/0"
	expect_up
	sed -i 's/^Address.*/Address = nonsense/' "$conf"
	expect weft_a down "$conf" 2>"$lib_work/stderr"
	warned "$conf:4: Address: 'nonsense' is not an address"
	warned "$unusable"
	expect_same "after down with a broken file"
}

query_arrived() { # query_arrived: b has received a DNS query
	[[ $(ns b nft list table inet silent) =~ "packets "[1-9] ]]
}

# Without handling of signals the command would wait for a silent name server.
interrupted_lookup() {
	local since

	ns b nft 'table inet silent { chain in { type filter hook input priority 0; udp dport 53 counter drop; }; }'
	defer ns b nft delete table inet silent
	mkdir -p "/etc/netns/$(ns_name a)"
	defer rm -r "/etc/netns/$(ns_name a)"
	echo "nameserver 192.0.2.2" >"/etc/netns/$(ns_name a)/resolv.conf"
	[ -e /etc/resolv.conf ] || { touch /etc/resolv.conf; defer rm /etc/resolv.conf; }
	write_conf "$plain" 10.9.0.0/24
	sed -i 's/^Endpoint.*/Endpoint = somewhere.example:51820/' "$conf"
	remember
	ns_run up a ip netns exec "$(ns_name a)" env WG_ENDPOINT_RESOLUTION_RETRIES=infinity "$WEFT" up "$conf"
	wait_for 20 query_arrived
	since=$(now_ms)
	ns_stop up
	expect_le "ms until it had ended" $(($(now_ms) - since)) "$(late 3000)"
	expect_fail ns_wait up
	grep -qF "ut0: interrupted by signal 15" "$(ns_output up)" || fail "output of up: $(cat "$(ns_output up)")"
	expect_same "after a signal"
}

# The program that a hook runs is ended, too.
interrupted() {
	local since

	rm -f "$lib_work/hooks"
	write_conf "$plain\nPreUp = kill \$PPID; sleep 100\nPreUp = echo preup >>$lib_work/hooks\nPostDown = echo postdown >>$lib_work/hooks"
	since=$(now_ms)
	refused_up "PreUp: ut0: bash: killed by signal 15"
	expect_le "ms until it had ended" $(($(now_ms) - since)) 90000
	expect_eq "output of hooks" "$(cat "$lib_work/hooks")" postdown
	interrupted_lookup
}

refusals() {
	remember
	write_conf "$plain"
	chmod 644 "$conf"
	chmod 755 "$lib_work/files"
	weft_a up "$conf" 2>"$lib_work/stderr"
	warned "'$conf' may contain keys, and other users can open it"
	chmod 700 "$lib_work/files"
	expect weft_a down "$conf" 2>"$lib_work/stderr"
	expect_eq "warnings" "$(cat "$lib_work/stderr")" ""
	expect_error "ut0: the interface is not up" weft_a down "$conf"
	expect_error "ut0: the interface is not up" weft_a save "$conf"
	expect_error "'nosuch' has no file: neither /etc/weft/nosuch.conf nor /etc/wireguard/nosuch.conf exists" weft_a up nosuch
	expect_error "'a b' is not an interface name" weft_a up 'a b'
	cp "$conf" "$lib_work/files/sixteencharacter.conf"
	expect_error "is not named after an interface" weft_a up "$lib_work/files/sixteencharacter.conf"
	write_conf "Address = 10.9.0.1/33"
	expect_error "$conf:4: Address: '10.9.0.1/33' is not an address" weft_a up "$conf"
	expect_same "after refusals"
}

run_case "a file makes an interface, and down removes it" make_and_remove
run_case "a name finds its file" by_name
run_case "up again changes nothing and loses no packet" undisturbed again_and_again
run_case "up applies differences and loses no packet" undisturbed differences
run_case "addresses of one network are exchanged" secondaries
run_case "state of other programs stays" others_stay
run_case "routes are added to the configured table" tables
run_case "the MTU follows the smallest path to an endpoint" mtu_of_ways
run_case "a narrow path keeps IPv6 on a router without an IPv6 address" mtu_of_a_router
run_case "a narrow path keeps IPv6 for addresses of other programs" mtu_of_others
run_case "IPv6 in the file is refused where it is disabled, before any change" without_ip6
run_case "a warning of IPv6 outside a tunnel that takes all of IPv4" beside
run_case "hooks run once, in order" hooks
run_case "hooks call weft wg" hooks_say_wg
run_case "hooks of a file that other users may write are not run" open_hooks
run_case "errors in a file are reported with their lines" mistakes
run_case "a failed step is named, and all is undone" failures
run_case "netfilter: other programs' marks, connections and addresses are unchanged" foreign_rules
run_case "netfilter: a strict reverse path filter accepts answers" strict_filter
run_case "a reload keeps the endpoint of a peer that has roamed" roamed
run_case "a name without an address delays no other peer" unresolved
run_case "a change that fails is undone, and loses no packet" undisturbed failed_change
run_case "default routes through the tunnel" default_routes
run_case "name servers are handed to resolvconf" name_servers
run_case "settings are saved, with those that only the file has" saving
run_case "a hook that saves, before the file is saved" saving_by_hook
run_case "strip prints what wg-quick strip prints" stripping
run_case "forwarding is enabled, with warnings of other settings" forwarding
run_case "names of silent peers are looked up again" resolving
run_case "four commands at once bring one tunnel up" several_ups
run_case "a deleted link leaves no state behind" deleted_link
run_case "down works without the file, or with an invalid one" without_file
run_case "a signal during a PreUp, and during a name lookup" interrupted
run_case "refusals change nothing" refusals
