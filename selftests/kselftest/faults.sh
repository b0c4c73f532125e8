#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Failing allocations: each allocation of the data path fails in turn, while TCP and UDP flow in both directions. With
# a fallback no packet is lost; lost packets are counted; delivered data is intact, and no memory leaks.
# series: 6.12
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2
#	 va 192.0.2.1 --------------- veth --------------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

parameters=/sys/module/weft_fault/parameters
bytes=600000 datagrams=100

# From now on these functions fail when weft calls them: see prove/fault/weft_fault.c.
refuse() { # refuse FUNCTIONS CALLER [skip=N] [every=N] [times=N]
	local functions=$1 setting

	printf %s "$2" >$parameters/caller
	shift 2
	for setting in skip=0 every=1 times=0 "$@"; do
		echo "${setting#*=}" >"$parameters/${setting%=*}"
	done
	echo "$functions" >$parameters/functions
	defer relent
}

relent() {
	echo >$parameters/functions
}

read_refused() { # sets refused
	read -r refused <$parameters/failed
}

# The drops of both ends: their sum, and those for lack of memory.
read_drops() { # read_drops tx|rx: sets drops and short
	read -r drops short < <({ ns a ethtool -S wt0; ns b ethtool -S wt0; } |
		awk -v short="$1_drop_no_memory:" '/_drop_/ { sum += $2 } $1 == short { n += $2 } END { print sum, n + 0 }')
}

carry() { # carry ADDRESS [zerocopy]: sets came
	came=''
	echo "$1 $bytes $datagrams ${2-}" >&"$requests"
	read -rt 100 -u "$answers" came || true
	expect_match "datagrams that arrived" "$came" '^[0-9]+$'
}

# ---- allocations with a fallback ----

nothing_is_lost() { # nothing_is_lost ADDRESS FUNCTIONS CALLER [SETTING...]
	local address=$1 drops short before refused

	shift
	read_drops tx
	before=$drops
	refuse "$@"
	carry "$address"
	read_refused
	read_drops tx
	expect_ge "calls refused" "$refused" 20
	expect_eq "datagrams that arrived" "$came" $datagrams
	expect_eq "drops" $((drops - before)) 0
}

# ---- allocations without a fallback ----

# Each failed call causes LOW to HIGH drops, which may be fractions. A drop covers at most eight datagrams.
lost_is_counted() { # lost_is_counted tx|rx LOW HIGH FUNCTIONS CALLER [SETTING...]
	local way=$1 low=$2 high=$3 drops short drops_before short_before refused

	shift 3
	read_drops "$way"
	drops_before=$drops short_before=$short
	refuse "$@"
	# shellcheck disable=SC2086 # one word or none
	carry 10.9.0.2 ${how-}
	relent
	read_refused
	read_drops "$way"
	drops=$((drops - drops_before))
	expect_ge "calls refused" "$refused" 10
	expect_between "drops for $refused calls" $drops $((refused * $low)) $((refused * $high))
	expect_eq "drops for lack of memory" $((short - short_before)) $drops
	expect_ge "datagrams that arrived" "$came" $((datagrams - drops * 8))
}

# Packets of TCP and UDP are segmented before they reach the tunnel.
one_by_one() {
	ns a ethtool -K wt0 gso off tso off
	defer ns a ethtool -K wt0 gso on tso on
	"$@"
}

# ---- sessions ----

# The handshake is retried until it succeeds.
session_in_the_end() { # session_in_the_end FUNCTIONS CALLER
	local drops short before refused

	read_drops tx
	before=$short
	refuse "$@" times=2
	ns_ip a link set wt0 down
	ns_ip a link set wt0 up
	addr_add a wt0 fd09::1/64
	wait_for 30 ns a ping -n -c 1 -W 1 10.9.0.2
	read_refused
	read_drops tx
	expect_eq "calls refused" "$refused" 2
	expect_eq "drops for lack of memory" $((short - before)) 2
}

# ---- memory in use ----

# Numbers of sk_buffs and of TCP's cloned ones, and kilobytes in use. Excluded are memory of programs, slabs and the
# free pages of each CPU, since the kernel keeps those for later allocations.
held() { # sets heads, clones and used
	local cache

	for cache in skbuff_head_cache skbuff_fclone_cache; do
		echo 1 >/sys/kernel/slab/$cache/shrink
	done
	read -r heads _ </sys/kernel/slab/skbuff_head_cache/objects
	read -r clones _ </sys/kernel/slab/skbuff_fclone_cache/objects
	used=$(awk '$1 == "MemTotal:" { n += $2 } /^(MemFree|AnonPages|Slab):/ { n -= $2 } $1 == "count:" { n -= 4 * $2 }
		END { print n }' /proc/meminfo /proc/zoneinfo)
}

nothing_is_kept() {
	local heads clones used

	held
	expect_le "packets" "$heads" $((heads_before + 128))
	expect_le "packets of TCP" "$clones" $((clones_before + 16))
	# KASAN delays the reuse of freed memory, except for objects of a shrunk cache.
	[ "$SLOW" != 1 ] || expect_le "kB of memory" "$used" $((used_before + 500))
}

serving() {
	grep -q listening "$(ns_output server)"
}

skip_unless_weft
modprobe weft_fault 2>/dev/null || skip "no module weft_fault here"
defer rmmod weft_fault
# shellcheck disable=SC2119 # without arguments
pair_create
session_up a wt0 b wt0 10.9.0.2
ns_run server b python3 "$test_dir/faults.py" serve
wait_for 20 serving
mkfifo "$lib_work"/{requests,answers}
exec {requests}<>"$lib_work/requests" {answers}<>"$lib_work/answers"
ns_run client a python3 "$test_dir/faults.py" carry "$lib_work"/{requests,answers}
case $(uname -r) in
6.1.*)
	cache_alloc=kmem_cache_alloc
	;;
*)
	cache_alloc=kmem_cache_alloc_noprof
	;;
esac
# Caches and pools are filled from here on.
carry 10.9.0.2
held
heads_before=$heads clones_before=$clones used_before=$used

run_case "sending: at times no memory for a batch" nothing_is_lost 10.9.0.2 "weft_pages_refill=null" batch_ every=3
run_case "sending: never memory for a batch" nothing_is_lost fd09::2 "weft_pages_refill=null" batch_
# Enough bytes to make leaked pages noticeable.
bytes=1200000 run_case "sending: a batch cannot be put into its packet" lost_is_counted tx 2 64 "___pskb_trim=enomem" batch_ every=4
run_case "sending: no room for headers in front of a batch" lost_is_counted tx 8 8 "pskb_expand_head=enomem" batch_
run_case "sending: a packet cannot be segmented" lost_is_counted tx 1 1 "__skb_gso_segment=enomem" batch_
run_case "sending: no memory for a batch, and it cannot be segmented" \
	lost_is_counted tx 1/2 32 "weft_pages_refill=null __skb_gso_segment=enomem" batch_ skip=20 times=24
how=zerocopy run_case "sending: a program's own pages cannot be copied" \
	lost_is_counted tx 1 1 "skb_copy_ubufs=enomem" weft_batch_ every=5
run_case "sending one by one: no memory to finish the checksum" \
	one_by_one lost_is_counted tx 1 1 "skb_checksum_help=enomem" crypt_ every=20
run_case "sending one by one: no memory for a segment" \
	one_by_one lost_is_counted tx 1 1 "__pskb_pull_tail=null" crypt_ every=20
run_case "sending one by one: no memory for the outer packet" \
	one_by_one lost_is_counted tx 1 1 "pskb_expand_head=enomem" crypt_
run_case "receiving: at times no page of the pool" nothing_is_lost fd09::2 "weft_pages_refill=null" crypt_ every=3
run_case "receiving: never a page of the pool" nothing_is_lost 10.9.0.2 "weft_pages_refill=null" crypt_
run_case "receiving: at times no sk_buff for it" nothing_is_lost fd09::2 "napi_build_skb=null" crypt_ every=2
run_case "receiving: no memory at all" \
	lost_is_counted rx 1/2 1/2 "weft_pages_refill=null __alloc_skb=null" crypt_ skip=200 times=24
run_case "a handshake message cannot be made" session_in_the_end "__alloc_skb=null" output_
run_case "a session cannot be made" session_in_the_end "$cache_alloc=null" session_create
run_case "no memory is kept" nothing_is_kept
