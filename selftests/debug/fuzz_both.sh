#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fuzz_packets.sh and fuzz_netlink.sh at once: some of the packets go to tunnels whose settings change all the time.
# Another tunnel, which gets the rest of the packets, carries pings and TCP meanwhile.
#
#	 namespace c             namespace a: sockets             namespace b               namespace f
#	 wt0 10.9.0.3            wt0 10.9.0.1 fd09::1, those      fuzz_packets.py           wf0 and wf1: made in a, but
#	                         of wf0, wf1 at 30000 to 30009                              fuzz_netlink sees only them
#	 vc 198.51.100.3 ------- va2 198.51.100.1
#	                         va 192.0.2.1 2001:db8::1 ------- vb 192.0.2.2 2001:db8::2
# vm: smp
# kernel: rcupdate.rcu_expedited=1
# timeout: 7200
. "$(dirname "$0")/../kselftest/lib.sh"
. "$(dirname "$0")/fuzz.sh"

skip_unless_weft
programs_needed fuzz_packets fuzz_netlink
packets_create
ns_create f
for device in wf0 wf1; do
	ns_ip a link add $device type weft
	ns_ip a link set $device netns "$(ns_name f)"
	ns_ip f link set $device up
done
traffic_start c 10.9.0.1 198.51.100.1

at_once() {
	ns_run netlink f "$programs/fuzz_netlink" weft "$SEED" "$COUNT" "$FUZZ_SECONDS" 2 wf0 wf1
	ns_run packets b env OTHERS=1 "${packets_environment[@]}" /usr/bin/python3 "$test_dir/fuzz_packets.py" fuzz "$SEED" "$COUNT" "$FUZZ_SECONDS"
	while ! ended packets || ! ended netlink; do
		transfer c a 10.9.0.1 100000
		pause 1
	done
	ns_wait netlink || fail "SEED=$SEED: $(cat "$(ns_output netlink)")"
	ns_wait packets || fail "SEED=$SEED: $(cat "$(ns_output packets)")"
	note "$(cat "$(ns_output packets)")"
	note "$(cat "$(ns_output netlink)")"
}

ended() { # ended RUN
	[ -s "$lib_work/runs/$1.status" ]
}

run_case "packets and settings at once, and TCP beside them" at_once
run_case "another tunnel keeps working" traffic_check $((2 + SLOW))
