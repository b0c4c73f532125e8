#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every dropped packet is counted under its reason for the interface, for its peer if that is known, and for no other
# peer; and each drop has a tracepoint. malformed.sh tests forged and malformed packets.
# vm: icount
#
#	 namespace a                                  namespace b
#	 wt0 10.9.0.1; peers b and ghost              wt0 10.9.0.2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/lib.sh"

skip_unless_weft
tracing=/sys/kernel/tracing
[ -e $tracing/events ] || mount -t tracefs tracefs $tracing || skip "there is no tracefs here"

pair_underlay_create
new_key a.ghost
new_key a.stranger
ghost=$(public_key a.ghost)
key_a='' key_b=''

learn_keys() {
	key_a=$(tunnel_key a wt0)
	key_b=$(tunnel_key b wt0)
}

# A peer of a's without state, with the allowed IP 10.9.0.66.
fresh_ghost() { # fresh_ghost [SET ARGS...]
	peer_remove a wt0 a ghost
	peer_add a wt0 a ghost 10.9.0.66/32 "$@"
	defer peer_remove a wt0 a ghost
}

# One line for each counter; "wt0" stands for the interface's own.
drops() { # drops NS
	ns "$1" "$WEFT" show wt0 drops | sed "s|^$ghost|ghost|; s|^$key_a|a|; s|^$key_b|b|" | awk -F '\t' '
		{
			count = split($NF, list, " ")
			for (i = 1; i <= count; i++)
				if (split(list[i], drop, "=") == 2)
					print (NF == 1 ? "wt0" : $1) "." drop[1], drop[2]
		}'
}

before() { # before NS...
	local name

	for name; do
		{ echo none 0; drops "$name"; } >"$lib_work/drops.$name"
	done
}

# The counters that have grown since, on one line: "ghost.queue=2 wt0.queue=2".
grown() { # grown NS
	drops "$1" | awk 'NR == FNR { old[$1] = $2; next } $2 != old[$1] { print $1 "=" $2 - old[$1] }' \
		"$lib_work/drops.$1" - | sort | tr '\n' ' ' | sed 's/ $//'
}

has_grown() { # has_grown NS WANTED
	[ "$(grown "$1")" = "$2" ]
}

# A worker counts some of the drops.
expect_grown() { # expect_grown NS WANTED
	attempt wait_for 5 has_grown "$1" "$2" 2>/dev/null || expect_eq "counters that grew in $1" "$(grown "$1")" "$2"
}

trace_start() {
	echo 1 >$tracing/events/weft/enable
	echo 1 >$tracing/events/skb/kfree_skb/enable
	defer trace_stop
	echo >$tracing/trace
}

trace_stop() {
	echo 0 >$tracing/events/skb/kfree_skb/enable
	echo 0 >$tracing/events/weft/enable
}

# A key is the only part with a +.
trace_count() { # trace_count REGEX: lines of the trace
	grep -cE "${1//+/[+]}" $tracing/trace || true
}

# On a slow machine retries may precede the reading.
expect_traced() { # expect_traced COUNT REGEX
	expect_between "lines of the trace with $2" "$(trace_count "$2")" "$1" $((SLOW > 1 && $1 > 0 ? $1 + 2 : $1))
}

send() { # send NS ADDRESS [COUNT]: datagrams without an answer
	ns "$1" bash -c "for ((i = 0; i < ${3:-1}; i++)); do echo >/dev/udp/$2/9 || true; done" 2>/dev/null
}

metric() { # metric NS KEY NAME
	awk -v name="weft_$3{" -v key="public_key=\"$2\"" 'index($0, name) == 1 && (key == "public_key=\"\"" || index($0, key)) { print $2 }' \
		"$lib_work/metrics.$1"
}

read_metrics() { # read_metrics NS...
	local name

	for name; do
		ns "$name" "$WEFT" metrics wt0 >"$lib_work/metrics.$name"
	done
}

# ---- packets that are not dropped ----

# b receives each packet that a sends, and the captures at both ends of the link contain it.
handshakes_and_packets() {
	pair_tunnels_create
	learn_keys
	trace_start
	capture_start wire a va "udp port 51820"
	expect ns a ping -n -c 5 -i 0.2 -W 5 10.9.0.2
	wait_for 5 settled
	capture_stop wire
	expect_eq "a's messages to b" "$(metric a "$key_b" peer_transmit_packets_total)" "$(capture_count wire "src host 192.0.2.1")"
	expect_eq "a's messages from b" "$(metric a "$key_b" peer_receive_packets_total)" "$(capture_count wire "src host 192.0.2.2")"
	expect_eq "b's messages from a" "$(metric b "" peer_receive_packets_total)" "$(metric a "$key_b" peer_transmit_packets_total)"
	expect_eq "b's messages to a" "$(metric b "" peer_transmit_packets_total)" "$(metric a "$key_b" peer_receive_packets_total)"
	expect_eq "a: initiations sent, received, sessions" "$(handshake_metrics a)" "1 0 1"
	expect_eq "b: initiations sent, received, sessions" "$(handshake_metrics b)" "0 1 1"
	expect_traced 1 "weft_handshake: dev=wt0 peer=$key_b message=initiation sent verdict=good"
	expect_traced 1 "weft_handshake: dev=wt0 peer=$key_a message=initiation received verdict=good"
	expect_traced 1 "weft_handshake: dev=wt0 peer=$key_a message=response sent verdict=good"
	expect_traced 1 "weft_handshake: dev=wt0 peer=$key_b message=response received verdict=good"
	expect_traced 1 "weft_session: dev=wt0 peer=$key_b session=[0-9a-f]{8} initiator begun"
	expect_traced 1 "weft_session: dev=wt0 peer=$key_a session=[0-9a-f]{8} responder begun"
	expect_traced 1 "weft_session: dev=wt0 peer=$key_a session=[0-9a-f]{8} responder confirmed"
	expect_traced 0 "weft_drop:"
	ns_ip a link set wt0 down
	expect_traced 1 "weft_session: dev=wt0 peer=$key_b session=[0-9a-f]{8} initiator over"
	ns_ip a link set wt0 up
}

settled() {
	read_metrics a b
	[ "$(metric b "" peer_receive_packets_total)" = "$(metric a "$key_b" peer_transmit_packets_total)" ]
}

handshake_metrics() { # handshake_metrics NS
	echo "$(metric "$1" "" peer_handshakes_sent_total) $(metric "$1" "" peer_handshakes_received_total)" \
		"$(metric "$1" "" peer_handshakes_completed_total)"
}

links_agree() {
	read_metrics a b
	[ "$(metric b "$key_a" peer_receive_packets_total) $(metric b "$key_a" peer_receive_bytes_total)" = \
		"$(link_stat b wt0 rx_packets) $(link_stat b wt0 rx_bytes)" ] &&
		[ "$(metric a "$key_b" peer_transmit_packets_total)" = "$(metric b "$key_a" peer_receive_packets_total)" ]
}

# Batches are counted by the message, as the links at both ends count them.
bulk() {
	session_up a wt0 b wt0 10.9.0.2
	expect transfer a b 10.9.0.2 5000000
	wait_for 5 links_agree
	expect_gt "messages received" "$(metric b "$key_a" peer_receive_packets_total)" 3000
}

# ---- on the way out ----

no_destination() {
	ns_ip a route add 10.200.0.0/24 dev wt0
	defer ns_ip a route del 10.200.0.0/24
	before a
	trace_start
	send a 10.200.0.1
	expect_grown a "wt0.destination=1"
	expect_traced 1 "weft_drop: dev=wt0 peer= reason=destination count=1"
	expect_traced 1 "kfree_skb: .* reason: IP_OUTNOROUTES"
}

no_endpoint() {
	fresh_ghost
	before a
	trace_start
	send a 10.9.0.66
	expect_grown a "ghost.no-endpoint=1 wt0.no-endpoint=1"
	expect_traced 1 "weft_drop: dev=wt0 peer=$ghost reason=no-endpoint count=1"
	expect_traced 1 "kfree_skb: .* reason: IP_OUTNOROUTES"
}

# 128 packets may be staged; those that are still staged after 18 tries in 90 s are dropped.
# For waits of many seconds: continuous polling costs an emulated machine more than the wait.
poll_grown_rarely() { # poll_grown_rarely NS WANTED
	pause 1
	has_grown "$@"
}

no_answer() {
	fresh_ghost endpoint 192.0.2.2:9
	before a
	trace_start
	send a 10.9.0.66 130
	expect_grown a "ghost.queue=2 wt0.queue=2"
	pause 85
	wait_for 30 poll_grown_rarely a "ghost.given-up=128 ghost.queue=2 wt0.given-up=128 wt0.queue=2"
	expect_traced 2 "weft_drop: dev=wt0 peer=$ghost reason=queue count=1"
	expect_traced 128 "weft_drop: dev=wt0 peer=$ghost reason=given-up count=1"
	expect_traced 2 "kfree_skb: .* reason: NEIGH_QUEUEFULL"
	expect_traced 128 "kfree_skb: .* reason: NEIGH_FAILED"
	read_metrics a
	expect_eq "initiations" "$(metric a "$ghost" peer_handshakes_sent_total)" "$(trace_count "peer=$ghost message=initiation sent")"
	expect_eq "sessions" "$(metric a "$ghost" peer_handshakes_completed_total)" 0
}

# Initiations that find no route.
no_route() {
	ns_ip a route add unreachable 203.0.113.0/24
	defer ns_ip a route del unreachable 203.0.113.0/24
	fresh_ghost endpoint 203.0.113.1:51820
	before a
	send a 10.9.0.66
	expect_grown a "ghost.send=1 wt0.send=1"
	read_metrics a
	expect_eq "initiations that left" "$(metric a "$ghost" peer_handshakes_sent_total)" 0
}

# ---- on the way in ----

wrong_source() {
	session_up a wt0 b wt0 10.9.0.2
	addr_add a wt0 10.9.0.99/32
	defer ns_ip a addr del 10.9.0.99/32 dev wt0
	before a b
	trace_start
	ns a ping -n -c 3 -i 0.2 -W 1 -I 10.9.0.99 10.9.0.2 >/dev/null || true
	expect_grown b "a.source=3 wt0.source=3"
	expect_grown a ""
	expect_traced 3 "weft_drop: dev=wt0 peer=$key_a reason=source count=1"
	expect_traced 3 "kfree_skb: .* reason: IP_RPFILTER"
}

# The initiator detects it, the responder has no way to.
wrong_preshared() {
	peer_set a wt0 b wt0 preshared-key "$(psk_file wrong)"
	defer peer_set a wt0 b wt0 preshared-key /dev/null
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	before a b
	trace_start
	send a 10.9.0.2
	expect_grown a "b.preshared=1 wt0.preshared=1"
	expect_traced 1 "weft_handshake: dev=wt0 peer=$key_b message=response received verdict=preshared"
	expect_grown b ""
}

# An initiation from a key that is not configured belongs to no peer.
stranger() {
	local key

	key=$(tunnel_key_file a wt0)
	tunnel_set a wt0 private-key "$(key_file a.stranger)"
	defer tunnel_set a wt0 private-key "$key"
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	before b
	trace_start
	send a 10.9.0.2
	expect_grown b "wt0.unknown-peer=1"
	expect_traced 1 "weft_handshake: dev=wt0 peer= message=initiation received verdict=unknown-peer"
	expect_traced 1 "weft_drop: dev=wt0 peer= reason=unknown-peer count=1"
}

# ---- the readers of the counters ----

# The command, the metrics and ethtool print the same counters; ethtool has other names.
all_agree() {
	local drops name count

	send a 10.9.0.66
	read_metrics a
	drops=$(ns a "$WEFT" show wt0 drops | head -n 1)
	expect_match "a's drops" "$drops" 'no-endpoint=[1-9]'
	for name in $drops; do
		count=${name#*=} name=${name%=*}
		expect_eq "the metric of $name" "$(awk -v label="reason=\"$name\"" '/^weft_drops_total/ && index($0, label) { print $2 }' \
			"$lib_work/metrics.a")" "$count"
		name=${name//-/_}
		name=${name%_in}
		expect_eq "ethtool's $name" "$(($(ethtool_stat a wt0 "tx_drop_$name") + $(ethtool_stat a wt0 "rx_drop_$name")))" "$count"
	done
	expect_eq "secrets among the metrics" "$(grep -cFf "$(tunnel_key_file a wt0)" "$lib_work/metrics.a" || true)" 0
}

run_case "handshakes, sessions and packets are counted and traced" handshakes_and_packets
pair_tunnels_create
learn_keys
run_case "packets of batches are counted one by one" bulk
run_case "no peer for a destination" no_destination
run_case "a peer without an endpoint" no_endpoint
run_case "a peer that does not answer" no_answer
run_case "a peer without a route" no_route
run_case "a source that is not the peer's" wrong_source
run_case "another preshared key" wrong_preshared
run_case "another private key" stranger
run_case "all sources of drop counters agree" all_agree
