#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many peers: the cost of each to load, dump, remove and keep; ten times as many take at most twelve times as long;
# and locks are held briefly meanwhile. Where time is counted in instructions (run/vm/boot.sh -m icount) an instruction
# is a nanosecond.
# series: 6.12
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
#
#   namespace m: wt0, whose peers get no traffic
. "$(dirname "$0")/lib.sh"

few=$(scaled 2500)
many=$((few * 10))
tracing=/sys/kernel/tracing

# A key of low order, as an example: the first of its 32 bytes is 1.
low_order=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

# Any 32 bytes are a public key. A multiplication modulo a prime spreads the numbers, as real keys are.
peers() { # peers COUNT BEFORE_KEY AFTER_KEY AFTER_ADDRESS
	awk -v count="$1" -v a="$2" -v b="$3" -v c="$4" 'BEGIN {
		for (n = 1; n <= count; n++)
			printf "%s%010d%032dA=%s10.%d.%d.%d/32%s\n", a, n * 48271 % 2147483647, n, b, n / 65536, n / 256 % 256, n % 256, c
	}'
}

many_config() { # many_config COUNT FILE
	peers "$1" '[Peer]\nPublicKey = ' '\nEndpoint = 192.0.2.2:51820\nAllowedIPs = ' '' >"$2"
}

many_dump() { # many_dump COUNT: the lines of show dump, without the interface's own
	peers "$1" '' '\t(none)\t192.0.2.2:51820\t' '\t0\t0\t0\toff'
}

device_create() { # device_create [KIND]
	ns_create m
	ns_ip m link add wt0 type "${1:-$KIND}"
}

# The time of a command, including its start, is kept for this and other cases.
measured() { # measured NAME COUNT COMMAND...
	local name=$1 count=$2 start end

	shift 2
	start=$(date +%s%N)
	"$@"
	end=$(date +%s%N)
	set_value "$name.$count" $((end - start))
	note "$name, $count peers: $(((end - start) / count)) ns each"
}

load() { # load COUNT
	measured load "$1" ns m "$WEFT" setconf wt0 "$lib_work/config"
}

dump() { # dump COUNT
	measured dump "$1" ns m "$WEFT" show wt0 dump >"$lib_work/measured"
	grep '^#' "$lib_work/measured"
	grep -v '^#' "$lib_work/measured" | tail -n +2 >"$lib_work/dumped"
	many_dump "$1" | cmp - "$lib_work/dumped" || fail "the dump differs from the configuration"
}

remove() { # remove COUNT
	: >"$lib_work/empty"
	measured remove "$1" ns m "$WEFT" setconf wt0 "$lib_work/empty"
	expect_eq "peers left" "$(ns m "$WEFT" show wt0 peers)" ""
}

remove_link() { # remove_link COUNT
	ns m "$WEFT" setconf wt0 "$lib_work/config"
	ns_ip m link set wt0 up
	measured remove_link "$1" ns_ip m link del wt0
}

load_dump_remove() { # load_dump_remove COUNT
	device_create
	many_config "$1" "$lib_work/config"
	load "$1"
	dump "$1"
	remove "$1"
	if [ "$KIND" = weft ]; then remove_link "$1"; fi
}

# Ten times as many peers take at most twelve times as long. Both times include waiting, mostly for RCU: a few ms that
# differ from run to run, so that they cannot be subtracted.
is_linear() { # is_linear NAME [FEW]
	local less=${2-$few}

	expect_le "ns for $((less * 10)) peers, to $1" "$(value "$1.$((less * 10))")" $(($(value "$1.$less") * 12))
}

stays_linear() {
	is_linear load
	is_linear dump
	is_linear remove
	if [ "$KIND" = weft ]; then is_linear remove_link; fi
}

# In-tree needs 368,000 ns, the file included, of which 338,000 are for a shared secret that weft computes on first
# use. Weft needs 29,000, of which the command takes half, and a fifth of that to find duplicate keys and prefixes.
loads_cheaply() {
	skip_unless_weft
	skip_if_slow "every memory access costs more"
	expect_le "ns to load a peer" "$(($(value "load.$many") / many))" 32000
}

# ---- the command and its file ----

# Doctor reads an interface forty times.
few_for_doctor=$((few / 25))

# CPU time, not elapsed time: doctor observes an interface for some seconds.
computed() { # computed NAME COUNT COMMAND...
	local name=$1 count=$2 user system TIMEFORMAT='%U %S'

	shift 2
	{ time "$@" >"$lib_work/said" 2>&1; } 2>"$lib_work/took" || true
	read -r user system <"$lib_work/took"
	set_value "$name.$count" $(((10#${user/.} + 10#${system/.}) * 1000000))
	note "$name, $count peers: $(($(value "$name.$count") / count)) ns each"
}

with_file() { # with_file COUNT: the file that doctor and save read
	[ -d /etc/weft ] || { mkdir /etc/weft; defer rmdir /etc/weft; }
	defer rm -f /etc/weft/wt0.conf
	many_config "$1" "$lib_work/config"
	(
		umask 077
		new_key m.wt0
		printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\nAddress = 10.0.0.1/8\n' "$(cat "$(key_file m.wt0)")"
		cat "$lib_work/config"
	) >/etc/weft/wt0.conf
}

up_with() { # up_with COUNT: a tunnel and its file
	skip_unless_weft
	device_create
	with_file "$1"
	ns m "$WEFT" up wt0 2>"$lib_work/stderr" || fail "up: $(head "$lib_work/stderr")"
	expect_eq "peers" "$(ns m "$WEFT" show wt0 peers | wc -l)" "$1"
}

is_saved() { # is_saved COUNT
	up_with "$1"
	sed -i '/^AllowedIPs/d' /etc/weft/wt0.conf
	computed save "$1" ns m "$WEFT" save wt0
	expect_eq "peers that are saved" "$(grep -c '^AllowedIPs' /etc/weft/wt0.conf)" "$1"
}

doctor_looks() { # doctor_looks COUNT
	up_with "$1"
	computed doctor "$1" ns m "$WEFT" doctor wt0
	# No host of a peer is reachable.
	expect_eq "peers with a finding" "$(grep -c 192.0.2.2 "$lib_work/said")" "$1"
}

command_stays_linear() {
	skip_unless_weft
	is_linear save
	is_linear doctor "$few_for_doctor"
}

# ---- times under locks ----

trace_start() { # trace_start FUNCTION...: traces the duration of each
	[ -e $tracing/current_tracer ] || mount -t tracefs none $tracing
	grep -qw function_graph $tracing/available_tracers || skip "this kernel cannot trace functions"
	defer trace_stop
	printf '%s:mod:weft\n' "$@" >$tracing/set_ftrace_filter
	echo function_graph >$tracing/current_tracer
	echo 8192 >$tracing/buffer_size_kb
	echo >$tracing/trace
}

trace_stop() {
	echo nop >$tracing/current_tracer
	echo >$tracing/set_ftrace_filter
}

# A line ends in "NAME();" or, if a traced function calls another one, in "}"; the duration precedes the bar.
trace_longest() { # trace_longest LABEL: microseconds
	awk -v what="$1" '$0 !~ /^#/ && match($0, /[0-9.]+ us/) {
		us = substr($0, RSTART, RLENGTH - 3) + 0
		if (us > longest) { longest = us; line = $0 }
		calls++
	} END {
		sub(/.*\| */, "", line)
		printf "# %s: %d calls, the longest %d us: %s\n", what, calls, longest, line > "/dev/stderr"
		printf "%d\n", longest
	}' $tracing/trace
	echo >$tracing/trace
}

# These functions hold the configuration's lock, and opening and removing the interface also rtnl, all the time.
longest_us=$((SLOW > 1 ? 500000 : 10000))
holds_no_lock_long() {
	local port=$'[Interface]\nListenPort = 51820'

	skip_unless_weft
	device_create
	many_config $many "$lib_work/config"
	sed -i "1i ${port/$'\n'/\\n}" "$lib_work/config"
	trace_start weft_config_prepare weft_config_apply weft_nl_get_device_dumpit netdev_open netdev_uninit
	ns m "$WEFT" setconf wt0 "$lib_work/config"
	expect_between "us to load" "$(trace_longest load)" 1 "$longest_us"
	ns m "$WEFT" show wt0 dump >/dev/null
	expect_between "us to dump" "$(trace_longest dump)" 1 "$longest_us"
	ns_ip m link set wt0 up
	expect_between "us to set it up" "$(trace_longest up)" 1 "$longest_us"
	printf '%s\n' "$port" >"$lib_work/empty"
	ns m "$WEFT" setconf wt0 "$lib_work/empty"
	expect_between "us to remove them" "$(trace_longest remove)" 1 "$longest_us"
	# The sockets' grace period passes under the lock.
	ns m "$WEFT" set wt0 listen-port 51821
	expect_between "us to replace the sockets" "$(trace_longest "replace the sockets")" 1 $((longest_us * 5))
	ns m "$WEFT" setconf wt0 "$lib_work/config"
	echo >$tracing/trace
	ns_ip m link del wt0
	expect_between "us to remove the interface" "$(trace_longest "remove the interface")" 1 "$longest_us"
}

# ---- memory ----

kernel_memory() { # bytes that the kernel has allocated, in whole pages
	awk '$1 == "Slab:" || $1 == "Percpu:" || $1 == "VmallocUsed:" { sum += $2 } END { print sum * 1024 }' /proc/meminfo
}

# Waits for RCU callbacks, and drops caches of files.
settled_memory() {
	pause 1
	echo 3 >/proc/sys/vm/drop_caches
	pause 1
	kernel_memory
}

memory_of_peer() { # memory_of_peer KIND TOOL: sets each_bytes
	local before after kept

	kept=$(scaled 20000 1000)
	many_config $kept "$lib_work/config"
	device_create "$1"
	before=$(settled_memory)
	ns m "$2" setconf wt0 "$lib_work/config"
	after=$(settled_memory)
	: >"$lib_work/empty"
	ns m "$2" setconf wt0 "$lib_work/empty"
	ns_ip m link del wt0
	ns_delete m
	each_bytes=$(((after - before) / kept))
	note "an idle peer with one allowed IP, $1: $each_bytes bytes"
}

takes_no_more_memory() {
	local weft_bytes

	skip_unless_weft
	skip_if_slow "locks, timers and work have debug fields"
	modprobe wireguard || skip "no in-tree wireguard here"
	defer rmmod wireguard
	memory_of_peer wireguard wg
	weft_bytes=$((each_bytes * 11 / 10))
	memory_of_peer weft weft
	expect_between "bytes of an idle peer" "$each_bytes" 400 "$weft_bytes"
}

# ---- the static secret ----

# Initiations are at least 5 s apart, and staged packets do not start another one.
pings() {
	wait_for 20 ns a ping -n -c 1 -W 1 10.9.0.2
	expect ns b ping -n -c 1 -W 1 10.9.0.1
}

# a's key changes, and b is configured with it: shared secrets of the old key are invalid at both ends.
changes_key() { # changes_key KEY_NAME
	peer_remove b wt0 a wt0
	cp "$(key_file "$1")" "$(key_file a.wt0)"
	cp "$(key_file "$1").pub" "$(key_file a.wt0).pub"
	tunnel_set a wt0 private-key "$(key_file a.wt0)"
	peer_add b wt0 a wt0 10.9.0.1/32,fd09::1/128
	pings
}

secret_follows_keys() {
	pair_create
	new_key second
	cp "$(key_file a.wt0)" "$(key_file first)"
	cp "$(key_file a.wt0).pub" "$(key_file first).pub"
	pings
	changes_key second
	changes_key first
	# The other end initiates, too.
	peer_set b wt0 a wt0 endpoint 192.0.2.1:51820
	ns_ip b link set wt0 down
	ns_ip b link set wt0 up
	wait_for 20 ns b ping -n -c 1 -W 1 10.9.0.1
}

# The shared secret would be zero. The peer with a good key is contacted, which proves that the capture sees
# initiations.
low_order_gets_no_message() {
	pair_create
	new_key good
	capture_start low a va 'udp dst portrange 9000-9001'
	tunnel_set a wt0 peer "$(public_key good)" endpoint 192.0.2.2:9000 allowed-ips 10.90.0.0/24 persistent-keepalive 1 \
		peer "$low_order" endpoint 192.0.2.2:9001 allowed-ips 10.90.1.0/24 persistent-keepalive 1
	expect_eq "peers" "$(peer_count a wt0)" 3
	pings
	pause 12
	capture_stop low
	expect_ge "initiations to the good key" "$(capture_count low 'dst port 9000')" 2
	expect_eq "anything to the key of low order" "$(capture_count low 'dst port 9001')" 0
}

run_case "$few peers are loaded, dumped and removed" load_dump_remove $few
run_case "$many peers are loaded, dumped and removed" load_dump_remove $many
run_case "time is linear in the number of peers" stays_linear
run_case "$few peers are saved" is_saved $few
run_case "$many peers are saved" is_saved $many
run_case "$few_for_doctor peers are checked by doctor" doctor_looks $few_for_doctor
run_case "$((few_for_doctor * 10)) peers are checked by doctor" doctor_looks $((few_for_doctor * 10))
run_case "time of doctor and save is linear in the number of peers" command_stays_linear
run_case "a peer costs no X25519 to load" loads_cheaply
run_case "no lock is held for long" holds_no_lock_long
run_case "an idle peer takes no more memory than in-tree" takes_no_more_memory
run_case "the static secret follows the keys" secret_follows_keys
run_case "a peer with a low-order key is stored, and gets no message" low_order_gets_no_message
