#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Events: privileged listeners receive them in order, with countable gaps, and without any secret.
#
#	 namespace a                                  namespace b
#	 wt0 10.9.0.1 fd09::1, weft monitor           wt0 10.9.0.2 fd09::2, or a program (events.py)
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# vm: icount
# series: 6.12
. "$(dirname "$0")/lib.sh"

skip_unless_weft

# The monitor prints nothing before the first event: the events of a link that is added and removed prove that it
# listens.
monitor_start() {
	ns_run monitor a "$WEFT" monitor -j
	wait_for 10 monitor_listens
}

monitor_listens() {
	ns_ip a link add mark type weft
	ns_ip a link del mark
	grep -q device-removed "$(ns_output monitor)"
}

# Sockets of this namespace that have joined groups, except the kernel's own.
listeners() { # listeners NS
	ns "$1" awk '$2 == 16 && $3 != 0 && $4 != "00000000" { n++ } END { print n + 0 }' /proc/net/netlink
}

has_listeners() { # has_listeners NS COUNT
	[ "$(listeners "$1")" = "$2" ]
}

has_lines() { # has_lines NAME COUNT
	[ "$(wc -l <"$(ns_output "$1")")" -ge "$2" ]
}

# Some fields of wt0's events, one line each.
event_fields() { # event_fields FIELD...
	/usr/bin/python3 "$lib_dir/lib/told.py" fields "$(ns_output monitor)" interface "$@" | sed -n 's/^wt0 //p'
}

newest_is() { # newest_is EVENT CAUSE
	local file=$lib_work/runs/monitor.output line

	line=$(tail -n 1 "$file")
	[[ $line == *"\"interface\":\"wt0\""*"\"event\":\"$1\",\"cause\":\"$2\""* ]]
}

expect_newest() { # expect_newest EVENT CAUSE
	wait_for 3 newest_is "$@"
}

sequence() {
	local json

	json=$(ns a "$WEFT" -j show wt0)
	[[ $json =~ \"event-sequence\":\ *([0-9]+) ]]
	echo "${BASH_REMATCH[1]}"
}

balanced() { # balanced FIRST LAST: prints the numbers of printed and of missed events
	/usr/bin/python3 "$lib_dir/lib/told.py" balance "$(ns_output monitor)" "$@"
}

# The output has no gap and no secret.
monitor_stop() {
	local last secret

	last=$(event_fields sequence | tail -n 1)
	ns_stop monitor INT
	expect_eq "monitor's status" "$(cat "$lib_work/runs/monitor.status")" 0
	balanced 1 "$last" >"$lib_work/balance"
	expect_eq "printed and missed" "$(cat "$lib_work/balance")" "$last 0"
	for secret in "$lib_work"/keys/*; do
		case $secret in
		*.pub) ;;
		*) ! grep -qF -- "$(cat "$secret")" "$(ns_output monitor)" || fail "the output contains $secret" ;;
		esac
	done
}

changes() { # changes EVENT: how many wt0 has had
	grep -c "\"interface\":\"wt0\".*\"event\":\"$1\"" "$(ns_output monitor)" || true
}

has_more_events() { # has_more_events EVENT COUNT
	[ "$(changes "$1")" -gt "$2" ]
}

expect_event() { # expect_event EVENT COMMAND...: the command causes such an event
	local before

	before=$(changes "$1")
	"${@:2}"
	wait_for 3 has_more_events "$1" "$before"
}

# Each setting, also if it is set to the value that it has.
settings_cause_events() {
	local setting

	new_key next
	for setting in "fwmark 7" "fwmark 0" "pmtu off" "pmtu on" "dscp 8" "dscp inherit"; do
		# shellcheck disable=SC2086 # two words
		expect_event device-changed tunnel_set a wt0 $setting
	done
	for setting in "grace 60" "next-public-key $(public_key next)" "next-public-key off" "persistent-keepalive 99" \
		"persistent-keepalive off" "name litespeed" "roam off" "roam on"; do
		# shellcheck disable=SC2086 # two words
		expect_event peer-changed peer_set a wt0 b wt0 $setting
	done
}

life() {
	pair_underlay_create
	monitor_start
	PAIR_PSK=1 pair_tunnels_create
	wait_for 3 newest_is peer-added administration
	expect_eq "events" "$(event_fields event cause endpoint | sort -u)" "device-added administration -
device-changed administration -
peer-added administration 192.0.2.2:51820"
	session_up a wt0 b wt0 10.9.0.2
	expect_newest session-up packet
	expect_match "rtt" "$(event_fields handshake-rtt-us | tail -n 1)" '^[0-9]+$'
	expect_eq "public key" "$(event_fields public-key | tail -n 1)" "$(tunnel_key b wt0)"
	expect_eq "endpoint" "$(event_fields endpoint | tail -n 1)" 192.0.2.2:51820
	# The session sends no further event while it is used and renewed.
	expect ns a ping -n -q -i 5 -c 25 -W 2 10.9.0.2
	expect_newest session-renewed packet
	expect_eq "sessions up" "$(event_fields event | grep -c session-up)" 1
	# b roams.
	ns_ip b addr flush dev vb scope global
	addr_add b vb 192.0.2.22/24
	expect ns b ping -n -q -c 1 -W 5 10.9.0.1
	expect_newest endpoint-changed packet
	expect_eq "endpoint" "$(event_fields endpoint | tail -n 1)" 192.0.2.22:51820
	peer_set a wt0 b wt0 endpoint 192.0.2.22:51821
	expect_newest peer-changed administration
	expect_eq "the event before" "$(event_fields event cause endpoint | tail -n 2 | head -n 1)" \
		"endpoint-changed administration 192.0.2.22:51821"
	settings_cause_events
	peer_remove a wt0 b wt0
	expect_newest peer-removed administration
	tunnel_delete a wt0
	expect_newest device-removed administration
	monitor_stop
	ns_ip b addr flush dev vb scope global
}

# The cause of a failed handshake.
given_up() { # given_up CAUSE
	ns a ping -n -q -c 1 -W 1 10.9.0.2 || true
	ns_run "wait.$1" a "$WEFT" wait wt0 timeout 1
	pause 88
	wait_for 9 newest_is session-given-up "$1"
}

causes() {
	pair_create
	monitor_start
	new_key other
	# No peer has that key.
	peer_remove a wt0 b wt0
	tunnel_set a wt0 peer "$(public_key other)" allowed-ips 10.9.0.2/32 endpoint 192.0.2.2:51820
	given_up unanswered
	tunnel_set a wt0 peer "$(public_key other)" remove
	# b answers, under another preshared key.
	peer_add a wt0 b wt0 10.9.0.2/32 endpoint 192.0.2.2:51820 preshared-key "$(psk_file other)"
	given_up refused
	peer_remove a wt0 b wt0
	peer_add a wt0 b wt0 10.9.0.2/32
	given_up no-endpoint
	peer_set a wt0 b wt0 endpoint 192.0.2.2:51820
	: >"$lib_work/empty"
	tunnel_set a wt0 private-key "$lib_work/empty"
	given_up no-key
	# A peer with the interface's own key is removed.
	tunnel_set a wt0 private-key "$(tunnel_key_file b wt0)"
	wait_for 3 newest_is device-changed administration
	expect_eq "the event before" "$(event_fields event cause | tail -n 2 | head -n 1)" "peer-removed own-key"
	ns_stop monitor INT
}

state_of() { # state_of KEY
	ns a "$WEFT" show wt0 state | awk -v key="$1" '$1 == key { print $2 }'
}

down() {
	pair_create
	new_key other
	ns_ip a link set wt0 down
	expect_error "the interface is down" ns a "$WEFT" wait wt0 timeout 1
	tunnel_set a wt0 peer "$(public_key other)" allowed-ips 10.9.0.9/32 endpoint 192.0.2.9:51820 persistent-keepalive 1
	pause 3
	expect_eq "states" "$(state_of "$(tunnel_key b wt0)") $(state_of "$(public_key other)")" "idle idle"
	expect_eq "messages that could not be sent" "$(link_stat a wt0 tx_errors)" 0
	ns_ip a link set wt0 up
	wait_for 3 is_handshaking "$(public_key other)"
}

is_handshaking() { # is_handshaking KEY
	[ "$(state_of "$1")" = handshaking ]
}

text_lines() {
	local line

	pair_create
	ns_run text a "$WEFT" monitor wt0
	ns_run other a "$WEFT" monitor wt1
	wait_for 10 has_listeners a 2
	session_up a wt0 b wt0 10.9.0.2
	tunnel_delete a wt0
	# The monitor outlives the interface, and receives events of the next interface of that name.
	tunnel_create a wt0
	wait_for 10 has_lines text 3
	ns_stop text TERM
	ns_stop other INT
	expect_eq "its status" "$(cat "$lib_work/runs/text.status")" 0
	line=$(head -n 1 "$(ns_output text)")
	expect_match "the first line" "$line" '^20[0-9-]+ [0-9:]+\.[0-9]{3} wt0 .*, in [0-9]+\.[0-9]{3} ms$'
	[[ $line == *" $(tunnel_key b wt0): session up (packet), at 192.0.2.2:51820, in "* ]] || fail "it is: $line"
	expect_match "then" "$(sed -n 2p "$(ns_output text)")" ' wt0: device removed \(administration\)$'
	expect_match "then" "$(sed -n 3p "$(ns_output text)")" ' wt0: device added \(administration\)$'
	expect_eq "of another interface" "$(cat "$(ns_output other)")" ""
}

privileged_only() {
	pair_create
	expect_error "CAP_NET_ADMIN" ns a setpriv --reuid=65534 --regid=65534 --clear-groups "$WEFT" monitor
	expect_error "CAP_NET_ADMIN" ns a setpriv --reuid=65534 --regid=65534 --clear-groups "$WEFT" wait wt0
	# A privileged listener of one namespace receives no events of another.
	ns_run elsewhere b "$WEFT" monitor
	wait_for 10 has_listeners b 1
	tunnel_set a wt0 fwmark 7
	tunnel_set b wt0 fwmark 7
	# An event of a's link would precede it.
	wait_for 10 has_lines elsewhere 1
	ns_stop elsewhere INT
	expect_eq "lines in b" "$(wc -l <"$(ns_output elsewhere)")" 1
}

# A peer that roams 400 times a second causes 20 events at once, then 10 a second; suppressed events are numbered,
# too.
roam_storm() {
	local first last counts

	program_create
	monitor_start
	first=$(($(sequence) + 1))
	expect program storm 600 >"$lib_work/seconds"
	# The next event carries the number of missed events.
	tunnel_set a wt0 fwmark 7
	expect_newest device-changed administration
	last=$(sequence)
	counts=$(balanced "$first" "$last")
	note "600 moves in $(cat "$lib_work/seconds") s: printed and missed: $counts"
	expect_between "events" $((last - first)) 595 605
	expect_between "printed" "${counts% *}" 20 60
	expect_gt "missed" "${counts#* }" 500
	ns_stop monitor INT
}

# 10,000 peers are added and removed while the monitor is stopped.
churn() {
	local first last counts peers=10000

	tunnel_create a wt0
	monitor_start
	awk -v count=$peers 'BEGIN {
		for (n = 1; n <= count; n++)
			printf "[Peer]\nPublicKey = %010d%032dA=\nAllowedIPs = 10.%d.%d.%d/32\n", n * 48271 % 2147483647, n,
				n / 65536, n / 256 % 256, n % 256
	}' >"$lib_work/many"
	: >"$lib_work/none"
	first=$(($(sequence) + 1))
	expect ns a "$WEFT" setconf wt0 "$lib_work/many"
	last=$(sequence)
	expect_eq "events" $((last - first + 1)) $((peers + 1))
	tunnel_set a wt0 fwmark 7
	expect_newest device-changed administration
	counts=$(balanced "$first" $((last + 1)))
	note "while it reads, printed and missed: $counts"
	kill -STOP "$(cat "$lib_work/runs/monitor.pid")"
	expect ns a "$WEFT" setconf wt0 "$lib_work/none"
	expect ns a "$WEFT" setconf wt0 "$lib_work/many"
	expect ns a "$WEFT" setconf wt0 "$lib_work/none"
	kill -CONT "$(cat "$lib_work/runs/monitor.pid")"
	wait_for 20 holds_still
	tunnel_set a wt0 fwmark 8
	expect_newest device-changed administration
	last=$(sequence)
	counts=$(balanced "$first" "$last")
	note "while it does not, printed and missed: $counts"
	expect_gt "missed" "${counts#* }" 1000
	expect_eq "in all" $((${counts% *} + ${counts#* })) $((last - first + 1))
	grep -q "events were lost" "$(ns_output monitor)" || fail "the monitor reports no missed events"
	ns_stop monitor INT
}

# The monitor has printed all events.
holds_still() {
	local before

	before=$(wc -l <"$(ns_output monitor)")
	pause 0.5
	[ "$(wc -l <"$(ns_output monitor)")" = "$before" ]
}

run_case "the life of a tunnel" life
run_case "causes of failed handshakes" causes
run_case "no handshake is initiated while the link is down" down
run_case "text output" text_lines
run_case "only privileged listeners receive events, of their namespace" privileged_only
pair_underlay_create
run_case "a peer that roams continuously" roam_storm
run_case "10,000 peers are added and removed" churn
