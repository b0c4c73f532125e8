#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every malformed message is dropped, counted under its own reason and no other, and not answered; its peer's byte counter
# does not grow, and another tunnel loses no packet. The messages are made by malformed.py, a peer that implements the
# protocol: most of them are authentic except for one fault.
# series: 6.12
#
#	 namespace a                            namespace b                              namespace c
#	 malformed.py as 10.9.0.1, fd09::1      wt0 10.9.0.2 fd09::2, the device         wt0 10.9.0.3 fd09::3, pings
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
#	                                        vd 198.51.100.2 ------- veth ------- vc 198.51.100.3
. "$(dirname "$0")/lib.sh"

ns_create a b c
veth_link a va b vb
veth_link b vd c vc
addr_add a va 192.0.2.1/24 2001:db8::1/64
addr_add b vb 192.0.2.2/24 2001:db8::2/64
addr_add b vd 198.51.100.2/24
addr_add c vc 198.51.100.3/24
tunnel_create b wt0 10.9.0.2/24 fd09::2/64
tunnel_create c wt0 10.9.0.3/24 fd09::3/64
new_key a.end
peer_add b wt0 c wt0 10.9.0.3/32,fd09::3/128
peer_add c wt0 b wt0 10.9.0.2/32,fd09::2/128 endpoint 198.51.100.2:51820
session_up c wt0 b wt0 10.9.0.2
ns_run legitimate c ping -n -i 0.2 -W 20 10.9.0.2
mkfifo "$lib_work/questions"
exec {questions}<>"$lib_work/questions"
ns_run end a env END_KEY="$(cat "$(key_file a.end)")" DEVICE_KEY="$(tunnel_key b wt0)" DEVICE_NS="$(ns_name b)" \
	END_NS="$(ns_name a)" KIND="$KIND" python3 "$test_dir/malformed.py" "$lib_work/questions"

# A peer without state: no session, no timestamp, no timer.
fresh_end() {
	peer_remove b wt0 a end
	peer_add b wt0 a end 10.9.0.1/32,fd09::1/128 endpoint 192.0.2.1:51820
}

# Drop reasons whose packets always have a known peer.
peer_drops() { # peer_drops DEVICE KEY
	ns b "$WEFT" show "$1" drops | awk -F '[\t ]' -v key="$2" '
		$1 == key {
			for (i = 2; i <= NF; i++)
				if (split($i, drop, "=") == 2 && drop[1] ~ /^(auth|replay|not-ip-in|source|ecn|timestamp|flood|preshared)$/)
					print "of_peer_" drop[1] ":", drop[2]
		}'
}

counters() { # counters DEVICE
	if [ "$KIND" = weft ]; then
		ns b ethtool -S "$1" | awk '/_drop_/ { print $1, $2 }'
		peer_drops "$1" "$(public_key a.end)"
	fi
	echo "peer_rx: $(peer_field b "$1" a end rx)"
	echo "peer_tx: $(peer_field b "$1" a end tx)"
	echo "delivered: $(ns b nstat -asz IcmpInEchoReps | awk '/EchoReps/ { print $2 }')"
	echo "rx_errors: $(link_stat b "$1" rx_errors)"
}

# The counters that have grown, with the differences.
growth() { # growth BEFORE NOW
	awk 'NR == FNR { before[$1] = $2; next } $2 != before[$1] { print $1, $2 - before[$1] }' "$1" "$2" | sort
}

# In-tree wireguard has no drop reasons: only bytes of the peer and delivered packets are compared.
comparable() {
	if [ "$KIND" = weft ]; then
		grep -v '^rx_errors'
	else
		grep -E '^(peer_|delivered)'
	fi | sort
}

grown_as_wanted() { # grown_as_wanted DEVICE
	counters "$1" >"$lib_work/now"
	growth "$lib_work/before" "$lib_work/now" >"$lib_work/growth"
	[ "$(comparable <"$lib_work/growth")" = "$(comparable <"$lib_work/wanted")" ]
}

start_case() { # start_case CASE DEVICE: malformed.py runs the case, and writes the expected growth of counters to "wanted"
	counters "$2" >"$lib_work/before"
	rm -f "$lib_work/wanted"
	echo "$1 $lib_work/wanted" >&"$questions"
	(wait_for 120 test -e "$lib_work/wanted") || fail "output of malformed.py: $(cat "$(ns_output end)")"
	! grep '^failed: ' "$lib_work/wanted" || fail "malformed.py $1"
}

# A worker counts some of the drops: the check polls until the counters have grown as expected, and then expects no
# more growth.
check_refusals() { # check_refusals CASE [DEVICE]
	local dev=${2:-wt0} i

	start_case "$1" "$dev"
	for ((i = 0; i < 20 * SLOW; i++)); do
		grown_as_wanted "$dev" && break
		pause 0.1
	done
	pause 0.2
	grown_as_wanted "$dev" || fail "counters grew by (<), but should have by (>):
$(diff <(comparable <"$lib_work/growth") <(comparable <"$lib_work/wanted") | grep '^[<>]')"
	[ "$KIND" != weft ] || check_link_errors
}

# The link's own error counter is the sum of those reasons that are errors.
check_link_errors() {
	local sum

	sum=$(awk '/^rx_drop_/ && !/_(flood|rate_limit|queue|no_memory|stack):/ { sum += $2 } END { print sum + 0 }' "$lib_work/growth")
	expect_eq "growth of rx_errors" "$(awk '/^rx_errors:/ { n = $2 } END { print n + 0 }' "$lib_work/growth")" "$sum"
}

refusals() { # refusals CASE
	fresh_end
	check_refusals "$1"
}

growth_of() {
	awk -v name="$1:" '$1 == name { n = $2 } END { print n + 0 }' "$lib_work/growth"
}

wanted() { # wanted COUNTER
	awk -v name="$1:" '$1 == name { n = $2 } END { print n + 0 }' "$lib_work/wanted"
}

# All initiations with a cookie have an old timestamp, including those within the rate limit.
calls_refused() {
	grown_as_wanted wt0 || true
	[ $(($(growth_of rx_drop_rate_limit) + $(growth_of rx_drop_timestamp))) -ge "$(wanted refused)" ]
}

# On a slow machine the number above the rate limit is not predictable; the sum of both reasons is.
under_load() {
	fresh_end
	start_case load wt0
	if [ "$KIND" = wireguard ]; then
		grown_as_wanted wt0 || true
		expect_eq "bytes credited" "$(growth_of peer_rx)" "$(wanted peer_rx)"
		return 0
	fi
	wait_for 20 calls_refused
	expect_eq "refused for a wrong MAC" "$(growth_of rx_drop_mac)" "$(wanted rx_drop_mac)"
	expect_between "refused by the rate limit" "$(growth_of rx_drop_rate_limit)" $((SLOW > 1 ? 1 : 6)) "$(wanted refused)"
	expect_eq "refused with a cookie" $(($(growth_of rx_drop_rate_limit) + $(growth_of rx_drop_timestamp))) "$(wanted refused)"
	expect_eq "bytes credited" "$(growth_of peer_rx)" "$(wanted peer_rx)"
}

keyless() {
	skip_unless_weft
	ns_ip b link add wt1 type "$KIND"
	defer ns_ip b link del wt1
	echo "$KIND" >"$lib_work/kinds/b.wt1"
	tunnel_set b wt1 listen-port 51821 peer "$(public_key a.end)" endpoint 192.0.2.1:51820 allowed-ips 10.9.0.1/32
	ns_ip b link set wt1 up
	check_refusals keyless wt1
}

other_tunnel_unaffected() {
	pings_stop legitimate
	wait_for 20 same_bytes
	[ "$KIND" != weft ] || expect_eq "drops of c" "$(ns b "$WEFT" show wt0 drops | grep "^$(tunnel_key c wt0)")" "$(tunnel_key c wt0)	(none)"
	expect_eq "bytes that b received" "$(peer_field b wt0 c wt0 rx)" "$(peer_field c wt0 b wt0 tx)"
	expect_eq "bytes that c received" "$(peer_field c wt0 b wt0 rx)" "$(peer_field b wt0 c wt0 tx)"
}

same_bytes() {
	[ "$(peer_field b wt0 c wt0 rx)" = "$(peer_field c wt0 b wt0 tx)" ]
}

peer_add b wt0 a end 10.9.0.1/32,fd09::1/128 endpoint 192.0.2.1:51820
run_case "undefined types, and reserved bits" refusals types
run_case "all lengths of all types" refusals lengths
run_case "one byte shorter, and one byte longer" refusals neighbours
run_case "initiations with a bit flipped in each byte" refusals initiation
run_case "initiations of unknown peers, and with low-order keys" refusals initiators
run_case "initiations that are old, or above the rate limit" refusals timestamps
run_case "responses with a bit flipped, twice, and with the wrong preshared key" refusals responses
run_case "a response that arrives too late" refusals late
run_case "a response after initiations have crossed" refusals crossed
run_case "cookie replies with a bit flipped, and twice" refusals cookies
run_case "data with a bit flipped, cut short and extended" refusals data
run_case "data under no session, an old one, one that was replaced" refusals sessions
run_case "the edges of the replay window" refusals replay
run_case "inner packets" refusals inner
run_case "congestion marks" refusals ecn
run_case "unusual outer packets" refusals outer
run_case "wrong second MACs under load" under_load
run_case "a device without a private key" keyless
run_case "the other tunnel lost no packet" other_tunnel_unaffected
