#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two CPUs send to one peer while staged packets are sent: no message lags so far behind the newest that a receiver
# drops it as a replay. The receiver is Linux's own WireGuard, whose window is 8,128 messages. The limit of staged
# packets is in bytes, too.
# vm: smp
# series: 6.1
#
#	 namespace a                               namespace b
#	 wt0 (weft) 10.9.0.1                       wt0 (wireguard, or weft where there is none) 10.9.0.2
#	 va 192.0.2.1 --------------- veth --------------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

window=8128
span=6208
control=/sys/kernel/debug/dynamic_debug/control

# The peer has no session until b is up again.
session_none() {
	peer_remove a wt0 b wt0
	ns_ip b link set wt0 down
	peer_add a wt0 b wt0 10.9.0.2/32 endpoint 192.0.2.2:51820
}

# CPU 0 stages bytes and packets; CPU 1 begins to send as soon as b has answered the handshake.
burst() { # burst BURSTS SEGMENTS SIZE
	ns a taskset -c 0 /usr/bin/python3 "$test_dir/window.py" send 10.9.0.2 "$@"
}

# Linux's WireGuard has no counter of replays, but a debug message.
replays_are_seen() {
	[ "$(tunnel_kind b wt0)" = weft ] || [ -w $control ]
}

replays() {
	if [ "$(tunnel_kind b wt0)" = weft ]; then
		ethtool_stat b wt0 rx_drop_replay
	else
		dmesg | grep -c 'invalid nonce' || true
	fi
}

# b's receiver may be slower than two senders: packets that overflow its queue are lost, which is no replay.
two_cpus_at_once() {
	local apart

	session_none
	burst 128 64 64
	capture_start burst a va 'udp dst port 51820' -s 80
	ns_run other a taskset -c 1 /usr/bin/python3 "$test_dir/window.py" follow 10.9.0.2 va 400 64 64
	ns_ip b link set wt0 up
	ns_wait other 60 || fail "$(cat "$(ns_output other)")"
	wait_for 30 ns a ping -n -c 1 -W 1 10.9.0.2
	capture_stop burst
	apart=$(/usr/bin/python3 "$test_dir/window.py" apart "$lib_work/captures/burst")
	note "batches, messages at least, and how far behind the newest one was at most: $apart"
	expect_ge "messages that were staged and sent" "$(peer_field a wt0 b wt0 tx)" 500000
	expect_lt "how far behind the newest one was" "${apart##* }" $span
}

# Several rounds, since the CPUs overlap by chance.
two_cpus_again() {
	local i

	for ((i = $(sized 2 1); i > 0; i--)); do
		two_cpus_at_once
	done
}

none_is_refused() {
	replays_are_seen || skip "without dynamic debug Linux's WireGuard does not tell of replays"
	expect_eq "messages refused as replays" "$(replays)" "$(value replays)"
}

dropped() {
	ns a ethtool -S wt0 | sed -n 's/^ *tx_drop_queue: //p'
}

# 64 packets of 60,000 bytes are fewer than 128, but exceed 1 MB; of small packets 128 may be staged.
staged_is_limited() {
	local before large small

	session_none
	before=$(dropped)
	burst 64 60 1000
	large=$(($(dropped) - before))
	note "of 64 large packets $large made room"
	expect_between "large packets that made room" "$large" 45 56
	session_none
	before=$(dropped)
	burst 200 1 64
	small=$(($(dropped) - before))
	expect_eq "small packets that made room" "$small" 72
	ns_ip b link set wt0 up
	wait_for 30 ns a ping -n -c 1 -W 1 10.9.0.2
}

skip_unless_weft
[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
if modprobe -q wireguard || [ -d /sys/module/wireguard ]; then
	pair_create weft wireguard
else
	pair_create weft weft
fi
[ ! -w $control ] || echo 'module wireguard +p' >$control
set_value replays "$(replays)"
run_case "staged packets are limited in bytes and number" staged_is_limited
run_case "two CPUs stay within a receiver's window" two_cpus_at_once
run_case "several rounds" two_cpus_again
run_case "the receiver refuses no message as a replay" none_is_refused
[ $span -lt $window ]
