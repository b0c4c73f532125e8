#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Dumps of the configuration are consistent during changes, and complete for any size.
# series: 6.1
#
#   namespace a: wt0, down; its peers have no endpoints
. "$(dirname "$0")/lib.sh"

fresh_device() {
	ns_create a
	ns_ip a link add wt0 type "$KIND"
}

dump_case() { # dump_case CASE
	fresh_device
	expect ns a env NAMESPACE="$(ns_name a)" python3 "$test_dir/dump.py" "$1"
}

# Any 32 bytes are a public key: 42 digits, a letter whose unused bits are zero, and the padding.
many_peers_config() { # many_peers_config COUNT
	awk -v count="$1" 'BEGIN {
		for (n = 0; n < count; n++)
			printf "[Peer]\nPublicKey = %042dA=\nAllowedIPs = 10.%d.%d.0/24, fd00:%x::/48\n", n, n / 256, n % 256, n
	}'
}

many_peers_list() {
	awk -v count="$1" 'BEGIN {
		for (n = 0; n < count; n++)
			printf "%042dA=\t10.%d.%d.0/24 fd00:%x::/48\n", n, n / 256, n % 256, n
	}' | sed 's/fd00:0::/fd00::/'
}

measured() { # measured LABEL COMMAND...
	local what=$1 start

	shift
	start=$(now_ms)
	"$@"
	note "$what: $(($(now_ms) - start)) ms"
}

load() { # load CONFIG: straight from the file
	measured "to load" ns a "$WEFT" setconf wt0 "$1"
}

ten_thousand_peers() {
	fresh_device
	many_peers_config 10000 >"$lib_work/config"
	load "$lib_work/config"
	measured "to dump" ns a "$WEFT" show wt0 allowed-ips >"$lib_work/measured"
	grep '^#' "$lib_work/measured" || true
	grep -v '^#' "$lib_work/measured" >"$lib_work/dumped"
	many_peers_list 10000 >"$lib_work/wanted"
	expect cmp "$lib_work/dumped" "$lib_work/wanted"
	: >"$lib_work/empty"
	measured "to remove them" ns a "$WEFT" setconf wt0 "$lib_work/empty"
	expect_eq "peers left" "$(ns a "$WEFT" show wt0 peers)" ""
	load "$lib_work/config"
	measured "to remove the interface" ns_ip a link del wt0
}

one_big_peer() {
	local first

	fresh_device
	first=$(many_peers_list 1 | cut -f 1)
	awk -v count=130000 'BEGIN { for (n = 0; n < count; n++) printf "%d.%d.%d.0/25\n", 20 + n / 65536, n / 256 % 256, n % 256 }' >"$lib_work/prefixes"
	{
		printf '[Peer]\nPublicKey = %s\nAllowedIPs = 10.0.0.0/8\n' "$first"
		printf '[Peer]\nPublicKey = %s\n' "${first/%A=/E=}"
		sed 's/^/AllowedIPs = /' "$lib_work/prefixes"
		printf '[Peer]\nPublicKey = %s\nAllowedIPs = 11.0.0.0/8\n' "${first/%A=/I=}"
	} >"$lib_work/config"
	load "$lib_work/config"
	ns a "$WEFT" show wt0 allowed-ips >"$lib_work/dumped"
	expect_eq "peers" "$(wc -l <"$lib_work/dumped")" 3
	awk 'NR == 2 { for (n = 2; n <= NF; n++) print $n }' "$lib_work/dumped" >"$lib_work/got"
	expect cmp "$lib_work/got" "$lib_work/prefixes"
	measured "to remove the peer" ns a "$WEFT" set wt0 peer "${first/%A=/E=}" remove
	expect_eq "peers left" "$(ns a "$WEFT" show wt0 peers | wc -l)" 2
}

run_case "the peer at the cursor is removed" dump_case peer_removed
run_case "the peer before the cursor is removed" dump_case last_sent_removed
run_case "all from the cursor on are removed" dump_case rest_removed
run_case "all are removed" dump_case all_removed
run_case "the peer at the cursor is removed and added again" dump_case peer_readded
run_case "the allowed IP at the cursor is removed" dump_case ip_removed
run_case "the allowed IP at the cursor is removed and added again" dump_case ip_readded
run_case "the allowed IPs are replaced" dump_case ips_replaced
run_case "a peer half of which was dumped is removed and added again" dump_case big_peer_removed
run_case "the interface is removed" dump_case interface_removed
run_case "the namespace is removed" dump_case namespace_removed
run_case "messages of every fullness before the end" dump_case every_end
run_case "two dumps at once" dump_case two_at_once
run_case "10,000 peers" ten_thousand_peers
run_case "a peer with 130,000 allowed IPs" one_big_peer
