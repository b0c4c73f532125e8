#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# weft in the place of the in-tree module: loaded with compat=1 it registers the name wireguard, and unmodified wg(8),
# wg-quick(8) and ip(8) work with it as with that module. Only one of the two can have the name. (With another KIND than
# weft, only these programs are tested.)
# series: 6.12
#
#	 namespace a                               namespace b, with 203.0.113.9
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 quick 10.8.0.1 fd08::1, default route     quick 10.8.0.2 fd08::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

umask 077
modprobe_conf=/run/modprobe.d/weft-selftest.conf

# ---- the module with the name ----

loaded() { # loaded MODULE
	[ -d "/sys/module/$1" ]
}

unload() { # unload MODULE...
	local module

	for module; do
		! loaded "$module" || wait_for 10 rmmod "$module"
	done
}

# Kernel messages of the module since the last call.
weft_log() {
	dmesg | awk -v mark="$(value mark)" 'found && /\] weft[: ]/ && !/module verification/ { sub(/^\[[^]]*\] /, ""); print }
		index($0, mark) { found = 1 }'
}

mark_log() {
	set_value mark "compat.sh $(now_ms)"
	value mark >/dev/kmsg
}

without_parameter() {
	defer unload wireguard
	expect_eq "aliases" "$(modinfo -F alias weft | sort | xargs)" "net-pf-16-proto-16-family-weft rtnl-link-weft"
	expect_eq "compat" "$(cat /sys/module/weft/parameters/compat)" N
	expect ns_ip a link add wg0 type wireguard
	defer ns_ip a link del wg0
	expect loaded wireguard
	expect_eq "interfaces of wireguard" "$(ns a weft show interfaces)" wg0
}

# Three tries: leftovers of one refusal would break the next.
refused_beside_in_tree() {
	local try

	defer unload weft wireguard
	unload weft
	modprobe wireguard
	ns_ip a link add wg0 type wireguard
	defer ns_ip a link del wg0
	for try in 1 2 3; do
		mark_log
		expect_error "Device or resource busy" modprobe weft compat=1
		expect_match "the kernel's log, try $try" "$(weft_log)" \
			"^weft: compat=1 is refused: the kernel's own wireguard is loaded or built in[^[:cntrl:]]*\$"
		expect_fail loaded weft
	done
	expect ns a wg set wg0 listen-port 7007
	expect modprobe weft
	expect ns_ip a link add weft0 type weft
	defer ns_ip a link del weft0
	expect_eq "interfaces" "$(ns a weft show interfaces | xargs -n 1 | sort | xargs)" "weft0 wg0"
}

wrong_value() {
	unload weft
	expect_error "Invalid argument" modprobe weft compat=perhaps
	expect_fail loaded weft
}

in_tree_refused() {
	unload weft
	expect modprobe weft compat=1
	expect_eq "compat" "$(cat /sys/module/weft/parameters/compat)" Y
	ns_ip a link add wg0 type wireguard
	defer ns_ip a link del wg0
	expect_fail insmod "$(modinfo -n wireguard)"
	expect_fail loaded wireguard
	# modprobe treats EEXIST as success, but no second module is loaded.
	modprobe wireguard || true
	expect_fail loaded wireguard
	expect ns a wg set wg0 listen-port 7007
	expect_eq "port" "$(ns a wg show wg0 listen-port)" 7007
}

# The configuration lines of Documentation/networking/weft.rst.
write_modprobe_conf() {
	mkdir -p "${modprobe_conf%/*}"
	cat >"$modprobe_conf" <<-'END'
		options weft compat=1
		alias wireguard weft
		alias rtnl-link-wireguard weft
		alias net-pf-16-proto-16-family-wireguard weft
	END
}

only_weft_is_loaded() {
	expect loaded weft
	expect_fail loaded wireguard
	unload weft
}

loaded_by_name() {
	defer rm -f "$modprobe_conf"
	write_modprobe_conf
	unload weft
	expect ns_ip a link add wg0 type wireguard
	ns_ip a link del wg0
	only_weft_is_loaded
	expect python3 "$test_dir/link.py" family wireguard
	only_weft_is_loaded
	expect modprobe wireguard
	only_weft_is_loaded
}

# ---- the link, the family and the module ----

looks_like_wireguard() {
	expect_match "the link" "$(ns_ip a -d link show wt0)" "POINTOPOINT,NOARP.* mtu 1420 .*link/none.* wireguard "
	expect grep -qx DEVTYPE=wireguard <(link_file a wt0 uevent)
	expect_eq "driver" "$(ns a ethtool -i wt0 | sed -n 's/^driver: //p')" wireguard
	expect_eq "links of kind wireguard" "$(ns_ip a -brief link show type wireguard | awk '{ print $1 }')" wt0
	expect_eq "links of kind weft" "$(ns_ip a -brief link show type weft)" ""
}

# ---- wg ----

# wg counts messages by size, as the link does: 148 and 128 there, 92 and 128 back.
counts_exactly() {
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect_eq "a's peer: received, sent" "$(peer_field a wt0 b wt0 rx) $(peer_field a wt0 b wt0 tx)" "220 276"
	expect_eq "b's peer: received, sent" "$(peer_field b wt0 a wt0 rx) $(peer_field b wt0 a wt0 tx)" "276 220"
	expect_eq "a's link: received, sent" "$(link_stat a wt0 rx_bytes) $(link_stat a wt0 tx_bytes)" "220 276"
}

handshake_of_b() {
	peer_field a wt0 b wt0 handshake
}

wg_reloads() {
	local before other

	other=$(public_key other)
	before=$(handshake_of_b)
	ns a wg showconf wt0 >"$lib_work/wg.conf"
	printf '[Peer]\nPublicKey = %s\nPresharedKey = %s\nAllowedIPs = 10.77.0.0/16, fd77::/64\nEndpoint = [2001:db8::9]:9\nPersistentKeepalive = 3661\n' \
		"$other" "$(cat "$(psk_file other)")" >"$lib_work/other.conf"
	expect ns a wg addconf wt0 "$lib_work/other.conf"
	expect_eq "fields of the added peer" "$(ns a wg show wt0 dump | sed -n "s,^$other	,,p" | cut -f 2-4,7-)" \
		"$(printf '[2001:db8::9]:9\t10.77.0.0/16,fd77::/64\t0\t3661')"
	expect ns a wg syncconf wt0 "$lib_work/wg.conf"
	expect_eq "peers after syncconf" "$(ns a wg show wt0 peers)" "$(tunnel_key b wt0)"
	expect ns a ping -n -c 1 -W 5 10.9.0.2
	expect_eq "latest handshake" "$(handshake_of_b)" "$before"
	expect ns a wg addconf wt0 "$lib_work/other.conf"
	expect ns a wg set wt0 peer "$other" remove
	expect_eq "peers after remove" "$(ns a wg show wt0 peers)" "$(tunnel_key b wt0)"
	expect ns a wg setconf wt0 "$lib_work/wg.conf"
	expect_eq "latest handshake after setconf" "$(handshake_of_b)" 0
	session_up a wt0 b wt0 10.9.0.2
}

# A new private key on a link that is up ends the sessions of the old one.
wg_changes_key() {
	new_key changed
	expect ns a wg set wt0 private-key "$(key_file changed)"
	expect_eq "public key" "$(ns a wg show wt0 public-key)" "$(public_key changed)"
	expect_fail ns a ping -n -c 2 -i 0.5 -W 1 10.9.0.2
	expect ns a wg set wt0 private-key "$(tunnel_key_file a wt0)"
	wait_for 20 ns a ping -n -c 1 -W 1 10.9.0.2
}

refused_settings() {
	local before

	before=$(ns a wg showconf wt0)
	expect_error "Operation not supported" ns a wg set va listen-port 7
	expect_error "No such device" ns a wg set nosuch0 listen-port 7
	expect_error "Address already in use" ns a wg set wt0 listen-port "$(value busy)"
	expect_error "Operation not permitted" ns a setpriv --reuid 65534 --regid 65534 --clear-groups wg show wt0
	expect_eq "the interface after the refusals" "$(ns a wg showconf wt0)" "$before"
}

busy_port() {
	ns_run busy a socat -u UDP4-RECV:7077 -
	wait_for 10 ns a sh -c 'ss -Huln sport = :7077 | grep . >/dev/null'
	set_value busy 7077
	refused_settings
}

# ---- wg-quick ----

quick() { # quick NS ACTION
	ns "$1" wg-quick "$2" "$lib_work/$1/quick.conf"
}

# a sends all packets to b, whose only peer is a. The mark is in the file because wg syncconf would remove it otherwise,
# and wg-quick down finds its rules by it.
write_quick_conf() { # write_quick_conf KEEPALIVE
	mkdir -p "$lib_work/a" "$lib_work/b"
	cat >"$lib_work/a/quick.conf" <<-END
		[Interface]
		PrivateKey = $(cat "$(key_file quick.a)")
		ListenPort = 51830
		Address = 10.8.0.1/24, fd08::1/64
		FwMark = 0xca6c
		PostUp = echo up %i >>$lib_work/hooks
		PreDown = echo down %i >>$lib_work/hooks

		[Peer]
		PublicKey = $(public_key quick.b)
		AllowedIPs = 0.0.0.0/0, ::/0
		Endpoint = 192.0.2.2:51830
		PersistentKeepalive = $1
	END
	cat >"$lib_work/b/quick.conf" <<-END
		[Interface]
		PrivateKey = $(cat "$(key_file quick.b)")
		ListenPort = 51830
		Address = 10.8.0.2/24, fd08::2/64
		Table = off
		MTU = 1400

		[Peer]
		PublicKey = $(public_key quick.a)
		AllowedIPs = 10.8.0.1/32, fd08::1/128
	END
}

quick_down() {
	ns_ip a link del quick || true
	ns_ip b link del quick || true
}

# All routes lead through the tunnel, except for the tunnel's own messages, which carry the mark.
quick_up() {
	new_key quick.a
	new_key quick.b
	write_quick_conf 25
	addr_add b lo 203.0.113.9/32
	expect quick b up
	expect quick a up
	expect_error "already exists" quick a up
	expect_match "a's link" "$(ns_ip a -d link show quick)" "[<,]UP[,>].* mtu 1420 .* wireguard "
	expect_match "b's link" "$(ns_ip b -d link show quick)" " mtu 1400 .* wireguard "
	expect_eq "mark" "$(ns a wg show quick fwmark)" 0xca6c
	capture_start quick a va
	expect ns a ping -n -c 1 -W 10 203.0.113.9
	expect ns a ping -n -c 1 -W 5 fd08::2
	capture_stop quick
	expect_ge "messages" "$(capture_count quick "udp port 51830")" 4
	expect_eq "echoes outside the tunnel" "$(capture_count quick "icmp[0] = 8 or icmp[0] = 0 or icmp6[0] = 128")" 0
	expect_match "the route there" "$(ns_ip a route get 203.0.113.9)" "dev quick .*src 10\.8\.0\.1"
}

# wg syncconf of wg-quick strip is the usual command after a change of the file.
quick_reload() {
	local before

	before=$(ns a wg show quick latest-handshakes)
	write_quick_conf 17
	quick a strip >"$lib_work/stripped.conf"
	expect ns a wg syncconf quick "$lib_work/stripped.conf"
	expect_eq "keepalive" "$(ns a wg show quick persistent-keepalive | cut -f 2)" 17
	expect ns a ping -n -c 1 -W 5 203.0.113.9
	expect_eq "latest handshake" "$(ns a wg show quick latest-handshakes)" "$before"
}

quick_save() {
	expect quick a save
	expect grep -qx "PersistentKeepalive = 17" "$lib_work/a/quick.conf"
	expect grep -qx "Address = 10.8.0.1/24" "$lib_work/a/quick.conf"
	expect grep -qx "PrivateKey = $(cat "$(key_file quick.a)")" "$lib_work/a/quick.conf"
}

quick_ends() {
	expect quick a down
	expect quick b down
	expect_eq "links" "$(ns_ip a -brief link show type wireguard | awk '{ print $1 }' | xargs)" wt0
	expect_eq "rules" "$(ns_ip a rule show | grep -c -e fwmark -e suppress || true)" 0
	expect_eq "tables" "$(ns a nft list tables)" ""
	expect_eq "hooks" "$(xargs <"$lib_work/hooks")" "up quick down quick"
}

# ---- weft(8) beside wg(8) ----

prints_alike() {
	ns a wg addconf wt0 "$lib_work/other.conf"
	ns a wg set wt0 fwmark 0x17
	same_output a show
	same_output a show all
	same_output a show all dump
	same_output a show wt0 dump
	same_output a show interfaces
	same_output a showconf wt0
	expect_ge "lines of show" "$(wc -l <"$lib_work/wg.out")" 12
	ns a wg set wt0 fwmark 0 peer "$(public_key other)" remove
}

# One link of each kind: each is listed once, and both families reach both.
both_kinds() {
	ns_ip a link add weft0 type weft
	defer ns_ip a link del weft0
	expect_eq "interfaces" "$(ns a weft show interfaces | xargs -n 1 | sort | xargs)" "weft0 wt0"
	expect_eq "interfaces by wg" "$(ns a wg show interfaces)" wt0
	expect ns a weft set weft0 listen-port 7001 fwmark 0x21
	expect_eq "weft0 by wg" "$(ns a wg show weft0 dump)" "$(ns a weft show weft0 dump)"
	expect ns a wg set weft0 fwmark 0x22
	expect_eq "its mark" "$(ns a weft show weft0 fwmark)" 0x22
}

# ---- the end ----

# Links of both kinds are removed with the module, and the in-tree module can register the name again.
name_is_free_again() {
	ns_ip a link add weft0 type weft
	ns_ip a link add wg0 type wireguard
	unload weft
	expect_fail ns_ip a link show weft0
	expect_fail ns_ip a link show wg0
	defer unload wireguard
	ns_ip a link add wg0 type wireguard
	defer ns_ip a link del wg0
	expect loaded wireguard
}

pair_underlay_create
new_key other
if [ "$KIND" = weft ]; then
	unload wireguard || skip "wireguard is in use here"
	run_case "without compat=1 the name is the in-tree module's" without_parameter
	run_case "compat=1 is refused beside the in-tree module, and leaves nothing behind" refused_beside_in_tree
	run_case "compat=perhaps is refused" wrong_value
	run_case "beside compat=1 the in-tree module is refused" in_tree_refused
	run_case "modprobe wireguard loads weft" loaded_by_name
	modprobe weft compat=1
fi
pair_tunnels_create wireguard wireguard
run_case "link and driver are named wireguard" looks_like_wireguard
run_case "wg counts every byte" counts_exactly
run_case "wg reloads, and the session is kept" wg_reloads
run_case "wg changes the key" wg_changes_key
run_case "invalid changes by wg are refused" busy_port
run_case "weft prints what wg prints" prints_alike
[ "$KIND" != weft ] || run_case "both kinds side by side" both_kinds
defer quick_down
run_case "wg-quick routes all packets through the tunnel" quick_up
run_case "wg-quick strip and wg syncconf reload" quick_reload
run_case "wg-quick saves" quick_save
run_case "wg-quick removes all of it" quick_ends
tunnel_delete a wt0
tunnel_delete b wt0
[ "$KIND" != weft ] || run_case "after unloading the name is free" name_is_free_again
