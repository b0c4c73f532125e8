#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Under load a tunnel sends cookie replies, and rate-limits initiations of one source that carry the cookie.
#
#	 namespace a                                  namespace b
#	 wt0 10.9.0.1                                 cookies.py floods and calls; or wt0 10.9.0.2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 .3, 2001:db8::2 ::3, 2001:db8:1::2
# vm: icount
# series: 6.12
. "$(dirname "$0")/lib.sh"

pair_underlay_create
addr_add b vb 192.0.2.3/24 2001:db8::3/64 2001:db8:1::2/64
ns_ip a route add 2001:db8:1::/64 dev va

program_cases() {
	local i files=()

	program_create
	for i in {0..9}; do
		new_key "known$i"
		files+=("$(key_file "known$i")")
		tunnel_set a wt0 peer "$(public_key "known$i")"
	done
	program all "${files[@]}" >"$lib_work/program" 2>&1 || cat "$lib_work/program"
}

# b initiates to a, which is under load: a sends a cookie reply, and accepts b's next initiation with the cookie.
gets_through() { # gets_through KIND_A KIND_B
	local responses first_response

	pair_tunnels_create "$1" "$2"
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	capture_start call a va 'src port 51820 and dst port 51820 and udp[8:4] != 0x04000000'
	flood_start 20
	expect ns b ping -n -c 1 -W 15 10.9.0.1
	flood_stop
	capture_stop call
	responses=$(capture_count call "$(type_filter 2)")
	# In the in-tree module load is global: b is under load, too, and demands a cookie in the response.
	[ "$1-$2" = wireguard-wireguard ] || expect_eq "responses" "$responses" 1
	expect_eq "initiations without a cookie" \
		"$(capture_count call "$(type_filter 1) and $(payload_filter '@[132:4] = 0')")" 1
	expect_eq "cookie replies" "$(capture_count call "$(type_filter 3) and src host 192.0.2.1")" 1
	expect_eq "initiations with a cookie" \
		"$(capture_count call "$(type_filter 1) and $(payload_filter '@[132:4] != 0')")" "$responses"
	first_response=$(capture_dump call | awk '/length 92/ && !n { n = NR } END { print n }')
	expect_eq "position of the response among the messages" "$first_response" 4
}

run_case "a program floods and calls" program_cases
run_case "the cookie secret is renewed after 120 s" program_passed renews_secret
run_case "without a cookie, a cookie reply and nothing else" program_passed gives_cookie
run_case "with the cookie, a response" program_passed accepts_cookie
run_case "a cookie is bound to address and port" program_passed binds_cookie
run_case "load ends after a second" program_passed recovers
run_case "a burst of five from one address" program_passed limits_address
run_case "and no more after a pause" program_passed refills_limit
run_case "an IPv6 network is one source" program_passed limits_network
if [ "$KIND" = weft ]; then
	run_case "initiations beyond the queue's limit are counted" program_passed bounds_queue
	run_case "recent peers are answered while the queue is full" program_passed hears_known
fi
run_case "$KIND gets through to a loaded $KIND" gets_through "$KIND" "$KIND"
if [ "$KIND" != wireguard ]; then
	run_case "wireguard gets through to a loaded $KIND" gets_through "$KIND" wireguard
	run_case "$KIND gets through to a loaded wireguard" gets_through wireguard "$KIND"
fi
