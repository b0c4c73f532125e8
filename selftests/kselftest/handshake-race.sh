#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Handshakes on two CPUs: both decrypt the same message at once, and settings change during a flood of handshakes.
# vm: smp
# series: 6.1
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1                              a program (handshake-race.py) 10.9.0.2
#	 va 192.0.2.1 --------------- veth --------------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
pair_underlay_create
program_create endpoint 192.0.2.2:51820
callers=()
for number in {0..9}; do
	new_key "caller$number"
	callers+=("$(key_file "caller$number")")
done
new_key a.other

program_cases() {
	program all >"$lib_work/program" 2>&1 || cat "$lib_work/program"
}

know_callers() {
	local number arguments=()

	for number in {0..9}; do
		arguments+=(peer "$(public_key "caller$number")" allowed-ips "10.10.$number.0/24")
	done
	tunnel_set a wt0 "${arguments[@]}"
}

# Every setting that the device and a peer have.
change_settings() { # change_settings KEY PSK PORT MARK
	tunnel_set a wt0 private-key "$1" fwmark "$4" peer "$(public_key caller0)" preshared-key "$2"
	tunnel_set a wt0 listen-port "$3" peer "$(public_key caller1)" persistent-keepalive "$4" allowed-ips 10.10.1.0/24,10.11.0.0/16
	tunnel_set a wt0 peer "$(public_key caller2)" remove peer "$(public_key caller3)" endpoint "192.0.2.3:$3"
	know_callers
}

stormed() {
	grep -q answered "$(ns_output storm)"
}

answers() {
	sed -n 's/^answered: //p' "$(ns_output storm)" | tail -n 1
}

answered_more() { # answered_more THAN
	[ "$(answers)" -gt "$1" ]
}

# Until the end the program keeps the old key and port: in between, its initiations are for another key, and are
# refused.
settings_change() {
	local times=${PARALLEL_CHANGES:-$(sized 10 3 3)} i

	know_callers
	ns_run storm b env KEY_FILE="$(key_file b.program)" TUNNEL_KEY="$(tunnel_key a wt0)" TUNNEL_NS="$(ns_name a)" \
		/usr/bin/python3 "$test_dir/handshake-race.py" storm "${callers[@]}"
	wait_for 30 stormed
	for ((i = 0; i < times; i++)); do
		change_settings "$(key_file a.other)" "$(psk_file parallel)" 51821 7
		change_settings "$(tunnel_key_file a wt0)" /dev/null 51820 0
	done
	# The last change restores the key that the program uses.
	wait_for 30 answered_more "$(answers)"
	[ ! -s "$lib_work/runs/storm.status" ] || fail "the flood of handshakes has ended: $(tail -n 3 "$(ns_output storm)")"
	ns_stop storm
	program works >"$lib_work/program" 2>&1 || cat "$lib_work/program"
	program_passed works
}

run_case "a program acts as the peer" program_cases
run_case "of many copies of one initiation one is answered" program_passed answers_once
run_case "of many copies of one response one is accepted" program_passed takes_once
run_case "settings change during handshakes" settings_change
