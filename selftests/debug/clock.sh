#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The wall clock jumps by years, as on a machine without a clock when it is off. Sessions and timers do not depend on
# it. A handshake does: one from a clock that was ahead blocks later ones with the right time (CVE-2021-46873). They are
# counted under a reason of their own, and the operator can reset the timestamp.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/../kselftest/lib.sh"

jump() { # jump SECONDS
	date -s "@$(($(date +%s) + $1))" >/dev/null
}

year=31536000

timestamp_drops() {
	ethtool_stat b wt0 rx_drop_timestamp
}

# Longer than a rekey, so that timers have to fire in time.
traffic_goes_on() {
	local step

	ns_run traffic a ping -n -i 0.2 -s 200 -W 1 10.9.0.2
	for step in $((3 * year)) $((-2 * year)) $((7 * year)) $((-8 * year)); do
		defer jump $((-step))
		jump $step
		pause 45
	done
	pings_stop traffic
}

no_answer() {
	! ns a ping -n -c 1 -W 1 10.9.0.2
}

forget_session() { # forget_session NS DEV
	ns_ip "$1" link set "$2" down
	ns_ip "$1" link set "$2" up
}

# b has a timestamp from the future, and accepts no older one.
once_ahead() {
	local before

	defer jump $((-year))
	jump $year
	forget_session a wt0
	session_up a wt0 b wt0 10.9.0.2
	jump $((-year))
	defer jump $year
	before=$(timestamp_drops)
	forget_session a wt0
	holds_for 12 no_answer
	expect_ge "initiations counted as too old" "$(($(timestamp_drops) - before))" 2
	expect tunnel_set b wt0 peer "$(tunnel_key a wt0)" forget-timestamp
	wait_for 12 ns a ping -n -c 1 -W 1 10.9.0.2
}

# The reverse: b's clock is behind, its timestamps are in the past, and later handshakes pass.
once_behind() {
	local before

	before=$(timestamp_drops)
	defer jump $((5 * year))
	jump $((-5 * year))
	tunnel_set b wt0 peer "$(tunnel_key a wt0)" forget-timestamp
	forget_session a wt0
	session_up a wt0 b wt0 10.9.0.2
	jump $((5 * year))
	defer jump $((-5 * year))
	forget_session a wt0
	session_up a wt0 b wt0 10.9.0.2
	expect_eq "initiations counted as too old" "$(timestamp_drops)" "$before"
}

skip_unless_weft
# shellcheck disable=SC2119 # without arguments
pair_create
session_up a wt0 b wt0 10.9.0.2
run_case "the clock jumps under traffic" traffic_goes_on
run_case "a clock that was ahead blocks later handshakes until forget-timestamp" once_ahead
run_case "a clock that was behind blocks no handshake" once_behind
