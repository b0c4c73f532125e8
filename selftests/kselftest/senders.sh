#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A program keeps modifying pages that it has sent, while the tunnel checksums and encrypts them. Only its own packets
# may be corrupted: each message authenticates, and other programs' packets arrive intact. A packet that is staged for
# a session does not occupy a packet socket's ring.
# vm: smp
# series: 6.12 uml
# timeout: 600
#
#	 namespace a                           namespace b
#	 wt0 10.9.0.1, senders.py              wt0 10.9.0.2, senders.py
#	 va 192.0.2.1 --------- veth --------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

# A multiple of the number of datagrams in one packet for segmentation.
tries=$(($(sized 1000 320 500) / 40 * 40))
stream_bytes=$(sized 10000000 4000000 4000000)

senders() { # senders ARGS...: runs senders.py in a
	expect ns a python3 "$test_dir/senders.py" "$@"
}

said() { # said NAME REGEX
	grep -q "$2" "$(ns_output "$1")"
}

all_authenticate() {
	local reason

	for reason in rx_drop_auth rx_drop_malformed rx_drop_replay rx_drop_no_session rx_drop_not_ip rx_drop_source; do
		expect_eq "$reason" "$(ethtool_stat b wt0 $reason)" 0
	done
}

pages_change() { # pages_change KIND COUNT
	local came input

	ns_run "receiver-$1-$2" b sh -c "python3 $test_dir/senders.py receive <$lib_work/input"
	exec {input}>"$lib_work/input"
	wait_for 30 said "receiver-$1-$2" listening
	senders send "$1" "$2" "$tries"
	exec {input}>&-
	expect ns_wait "receiver-$1-$2"
	came=$(grep whole= "$(ns_output "receiver-$1-$2")")
	note "$came"
	expect_match "packets received" "$came" "torn=0 honest=[1-9][0-9]* dishonest=0"
	expect_eq "datagrams" $(($(sed -E 's/whole=([0-9]+) forged=([0-9]+) .*/\1 + \2/' <<<"$came"))) "$tries"
	expect_gt "modified datagrams" "$(sed -E 's/.*forged=([0-9]+) .*/\1/' <<<"$came")" 0
	all_authenticate
}

file_changes() {
	ns_run taker b python3 "$test_dir/senders.py" take "$stream_bytes"
	wait_for 30 said taker listening
	senders stream "$stream_bytes"
	expect ns_wait taker
	all_authenticate
}

ring_is_given_back() {
	local input

	ns_ip b link set wt0 down
	defer ns_ip b link set wt0 up
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	ns_run one b python3 "$test_dir/senders.py" one 12
	wait_for 30 said one listening
	ns_run ring a sh -c "python3 $test_dir/senders.py ring wt0 <$lib_work/input"
	exec {input}>"$lib_work/input"
	wait_for 30 said ring "given back"
	ns_ip b link set wt0 up
	expect ns_wait one
	exec {input}>&-
	expect ns_wait ring
	expect_match "the datagram" "$(tail -n 1 "$(ns_output one)")" "^(first\.)+$"
}

skip_unless_weft
pair_create
session_up a wt0 b wt0 10.9.0.2
mkfifo "$lib_work/input"
run_case "spliced pages" pages_change splice 1
run_case "pages of a file" pages_change sendfile 1
run_case "MSG_ZEROCOPY pages" pages_change zerocopy 1
run_case "MSG_ZEROCOPY pages for segmentation" pages_change zerocopy 8
run_case "a stream from a file" file_changes
run_case "a packet socket's ring" ring_is_given_back
