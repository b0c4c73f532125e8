#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Messages in memory that a process can still write to: an unprivileged relay has genuine, undelivered messages, and sends
# each repeatedly from a page that it modifies meanwhile. Each byte is read once: every packet from the tunnel was encrypted
# by its peer, each genuine one is delivered once, and all others are counted.
# vm: smp
# series: 6.12 uml
# timeout: 600
#
#	 namespace a                           namespace b
#	 wt0 10.9.0.1                          splice.py: the peer, and a relay of uid 65534
#	 va 192.0.2.1 --------- veth --------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

skip_unless_weft
pair_underlay_create

program_cases() { # program_cases ACTION TRIES
	TRIES=$2 program "$1" >"$lib_work/program" 2>&1 || true
	sed -n 's/^# //p' "$lib_work/program" | while read -r line; do note "$line"; done
	grep -c "passed" "$lib_work/program" >/dev/null || cat "$lib_work/program"
}

gathered_cases() {
	wire_offloads_off b vb a va
	program_cases gathered "$(sized 1000 200 1000)"
}

program_create
run_case "a program acts as the peer" program_cases all "${TRIES:-$(sized 2500 400 2000)}"
run_case "spliced pages" program_passed vmsplice
run_case "pages of a file" program_passed sendfile
run_case "MSG_ZEROCOPY pages" program_passed zerocopy
run_case "spliced pages for segmentation" program_passed segmented
run_case "MSG_ZEROCOPY pages for segmentation" program_passed segmented_zerocopy
run_case "types of messages" program_passed types
run_case "receiver indices of messages" program_passed receivers
run_case "counters of messages" program_passed counters
run_case "queued initiations" program_passed initiations
run_case "the tunnel's side merges packets by GRO" gathered_cases
run_case "merged: spliced pages" program_passed vmsplice
run_case "merged: spliced pages for segmentation" program_passed segmented
run_case "merged: MSG_ZEROCOPY pages for segmentation" program_passed segmented_zerocopy
