#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A thousand spokes at one hub, each with a session and traffic both ways, while the hub replaces its key: the sessions go on,
# each spoke meets the new key, not one datagram is lost, and cookies are asked for during ten seconds at most.
#
#	 s1 wf0 10.77.0.2     s2 wf0 10.77.0.3   ...   s1000      each with a link of its own to the hub
#	 up0 198.18.0.2       up0 198.18.0.3
#	    |                    |
#	    +--------------------+---- hub 192.0.2.1, wf0 10.77.255.1
# make spokes runs it, on Linux as a program. SPOKES: their number, by default 1000.
# timeout: 6000
# vm: smp
# shellcheck source=selftests/kselftest/lib.sh
. "$(dirname "$0")/../kselftest/lib.sh"
# shellcheck source=selftests/kselftest/lib/many.sh
. "$lib_dir/lib/many.sh"

skip_unless_weft
[ -z "${EMULATED-}" ] || skip "not on an emulated machine: a thousand sessions"
count=${SPOKES:-$(scaled 1000 20)}
prefix=${ns_prefix}s
python=(env "PYTHONPATH=$PYTHONPATH:$lib_dir" /usr/bin/python3 "$(dirname "$0")/spokes.py")
conf=$lib_work/conf
batch=$lib_work/batch
# Not the inner datagrams, which begin with a number.
cookies="port 51820 and $(type_filter 3)"
mkdir "$conf" "$batch"

spokes_delete() {
	local number

	for ((number = 1; number <= count; number++)); do
		echo "netns del $prefix$number"
	done >"$batch/end"
	ip -force -batch "$batch/end"
}

spokes_create() {
	"${python[@]}" keys "$count" "$conf"
	"${python[@]}" batches "$count" "$prefix" "$batch" "$(ns_name hub)"
	ns_create hub
	defer spokes_delete
	# ip keeps the namespaces of its commands open.
	(ulimit -n $((4 * count + 1024)) && ip -batch "$batch/machine")
	ip -n "$(ns_name hub)" -batch "$batch/hub"
	ns hub "$WEFT" setconf wf0 "$conf/hub.conf"
	lap "$count namespaces, and the hub"
	at_spokes ip -batch "$batch/{}"
	lap "$count spokes' links"
	at_spokes "$WEFT" setconf wf0 "$conf/{}.conf"
	lap "$count spokes' keys and peers"
}

at_spokes() { # at_spokes COMMAND...: {} is the spoke's number
	"${python[@]}" at "$count" "$prefix" "$@"
}

# Spokes whose newest session is one of the hub's present key.
have_met() { # have_met NUMBER
	[ "$(ns hub "$WEFT" show wf0 identities | awk '$2 == "current"' | wc -l)" = "$1" ]
}

# The times of cookie replies, from the first to the last, in seconds.
cookie_seconds() {
	capture_dump cookies "$cookies" | awk '{ first = first ? first : $1; last = $1 } END { printf "%d\n", last - first + 0.5 }'
}

hub_rotates() {
	local old new lost

	lap_start
	ns_run traffic hub "${python[@]}" traffic "$lib_work/over" "$lib_work/ready" 4000 "$(ns_name hub)" "$prefix" "$count"
	wait_for 300 test -e "$lib_work/ready"
	lap "each spoke and the hub have heard each other"
	expect have_met "$count"
	capture_start cookies hub any "$cookies" -s 128
	old=$(<"$conf/hub.pub") new=$(<"$conf/hub.next.pub")
	at_spokes "$WEFT" set wf0 peer "$old" next-public-key "$new"
	lap "$count spokes have the announcement"
	expect_eq "the key that is printed" "$(ns hub "$WEFT" rotate wf0 private-key "$conf/hub.next" grace 600)" "$new"
	lap_start
	wait_for 300 have_met "$count"
	lap "each spoke has met the new key"
	ns hub "$WEFT" rotate wf0 finish
	pause 15
	capture_stop cookies
	touch "$lib_work/over"
	ns_wait traffic 120 || fail "traffic: $(tail -n 3 "$(ns_output traffic)")"
	note "figure traffic: $(tail -n 1 "$(ns_output traffic)")"
	note "figure cookie replies: $(capture_count cookies), over $(cookie_seconds) s"
	lost=$(tail -n 1 "$(ns_output traffic)")
	expect_match "traffic" "$lost" '^([0-9]+) sent, [0-9]+ received, 0 lost, 0 double, 0 errors$'
	expect_gt "datagrams" "${BASH_REMATCH[1]-0}" $((8 * count))
	expect_le "seconds of cookies" "$(cookie_seconds)" 10
	expect_eq "spokes that have the new key" "$(at_spokes "$WEFT" show wf0 peers | sort | uniq -c | awk '{ print $1, $2 }')" "$count $new"
}

neighbours_allow
lap_start
spokes_create
run_case "$count spokes, and the hub replaces its key: not one datagram is lost" hub_rotates
