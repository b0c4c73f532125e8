#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's own wg-quick and wg, unchanged, on a weft that stands in for wireguard: up, reload, down; also with
# Debian's newest ones, if the machine has them (/weft/newest).
# shellcheck source=selftests/distro/guest/lib.sh
. "$(dirname "$0")/lib.sh"

comes_up() {
	near_configuration /etc/wireguard/quick0.conf
	expect systemctl start wg-quick@quick0
	served_by_weft quick0
	tunnel_works
	same_dump quick0
}

reloads() {
	printf '[Peer]\nPublicKey = %s\nAllowedIPs = 10.77.0.3/32\n' "$(other_key)" >>/etc/wireguard/quick0.conf
	expect systemctl reload wg-quick@quick0
	expect has_peers quick0 2
	tunnel_works
	same_dump quick0
}

goes_down() {
	expect systemctl stop wg-quick@quick0
	expect link_absent quick0
}

# With the lines of weft(4) modprobe loads weft for the alias of wireguard.
comes_by_itself() {
	zcat /usr/share/man/man4/weft.4.gz | sed -n '/modprobe.d.weft.conf/,/^\.Ed/ { /^\.Ed/ !p }' >/etc/modprobe.d/weft.conf
	defer rm -f /etc/modprobe.d/weft.conf
	expect_eq "lines for modprobe" "$(grep -c '^alias .* weft$' /etc/modprobe.d/weft.conf)" 3
	expect modprobe -r weft
	expect ip link add quick9 type wireguard
	defer ip link del quick9
	served_by_weft quick9
}

newest_comes_up() {
	near_configuration /etc/wireguard/quick0.conf
	expect $newest/wg-quick up quick0
	served_by_weft quick0
	tunnel_works
	expect_eq "the newest wg's dump" "$($newest/wg show quick0 dump)" "$(weft show quick0 dump)"
}

newest_syncs() {
	printf '[Peer]\nPublicKey = %s\nAllowedIPs = 10.77.0.3/32\n' "$(other_key)" >>/etc/wireguard/quick0.conf
	$newest/wg-quick strip quick0 >/run/quick0.stripped
	expect $newest/wg syncconf quick0 /run/quick0.stripped
	expect has_peers quick0 2
	tunnel_works
}

newest_goes_down() {
	expect $newest/wg-quick down quick0
	expect link_absent quick0
}

newest=/weft/newest/usr/bin
run_case "with the lines of weft(4) the module is loaded on demand" comes_by_itself
compat_on
far_create
run_case "wg-quick brings a tunnel up" comes_up
run_case "its reload adds a peer" reloads
run_case "wg-quick takes the tunnel down" goes_down
if [ -e $newest ]; then
	run_case "the newest wg-quick brings a tunnel up ($($newest/wg --version | cut -d " " -f 2))" newest_comes_up
	run_case "wg syncconf with wg-quick strip adds a peer" newest_syncs
	run_case "the newest wg-quick takes it down" newest_goes_down
fi
rm -f /etc/wireguard/quick0.conf
