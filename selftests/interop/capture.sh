#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Captures a tunnel's traffic, with the keys that decrypt it: for dissect.sh, which runs it in a VM. The other end is
# a program (capture.py), since a tunnel's own ephemeral keys are secret.
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1                              capture.py 10.9.0.2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
# shellcheck source=selftests/kselftest/lib.sh
. "$(dirname "$0")/../kselftest/lib.sh"

export KEY_LOG=$lib_work/key-log
PSK_FILE=$(psk_file program)
export PSK_FILE

program_cases() {
	program all >"$lib_work/program" 2>&1 || cat "$lib_work/program"
}

# A new key for the program, which the tunnel has to be configured with.
under_load() {
	flood_start 20
	peer_add a wt0 b program 10.9.0.2/32
	program under_load >"$lib_work/program" 2>&1 || cat "$lib_work/program"
	flood_stop
}

# Checksums are computed as on a wire, so that Wireshark can check them, too.
pair_underlay_create
ns a ethtool -K va tx off
ns b ethtool -K vb tx off
program_create endpoint 192.0.2.2:51820
capture_start all a va 'udp src port 51820 and udp dst port 51820'
run_case "a program acts as the peer" program_cases
run_case "the program responds" program_passed responds
run_case "the program initiates" program_passed initiates
run_case "the program initiates over IPv6" program_passed initiates_over_v6
run_case "both have a preshared key" program_passed shares
run_case "the program answers with a cookie" program_passed gives_cookie
run_case "a program initiates under load" under_load
run_case "the program gets a cookie" program_passed takes_cookie
capture_stop all
echo "begin capture"
base64 "$lib_work/captures/all"
echo "begin keys"
cat "$KEY_LOG"
echo "begin nothing"
