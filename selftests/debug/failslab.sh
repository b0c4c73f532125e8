#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each allocation that weft makes, or that the kernel makes on its behalf, is refused in turn: the first, the second,
# and so on, until no more follow. The operation fails for lack of memory and changes nothing, or succeeds; a lost
# packet is counted; and the next operation succeeds. On a kernel without fault injection the allocators themselves
# fail.
# vm: icount
# timeout: 9000
#
#	 namespace a                               namespace b                      namespace s
#	 wt0 10.9.0.1 fd09::1                      wt0 10.9.0.2 fd09::2             fs0, comes and goes
#	 va 192.0.2.1 2001:db8::1 --- veth --- vb 192.0.2.2 2001:db8::2
. "$(dirname "$0")/../kselftest/lib.sh"

parameters=/sys/module/weft_fault/parameters

refuse_each() { # refuse_each NS OPERATION
	defer sh -c "echo >$parameters/functions"
	expect ns "$1" env A="$(ns_name a)" B="$(ns_name b)" python3 "$test_dir/failslab.py" "$2"
}

# Like refuse_each, and the module is loaded and unloaded in it.
refuse_each_load() { # refuse_each_load OPERATION
	rmmod weft
	refuse_each s "$1"
	modprobe weft
}

over_a_wire() {
	wire_offloads_off a va b vb
	refuse_each a data
}

over_ipv6() {
	peer_set a wt0 b wt0 endpoint '[2001:db8::2]:51820'
	refuse_each a "$1"
}

skip_unless_weft
modprobe weft_fault 2>/dev/null || skip "no module weft_fault here"
defer rmmod weft_fault
grep -qw pcpu_alloc_noprof /proc/kallsyms || skip "the allocators of this kernel are not known"

ns_create s
for operation in set change dump events rotate rotate-finish rotate-undo up down create remove; do
	run_case "$operation" refuse_each s "$operation"
done
# shellcheck disable=SC2119 # without arguments
pair_create
session_up a wt0 b wt0 10.9.0.2
run_case "a handshake, both roles" refuse_each a handshake
run_case "data both ways" refuse_each a data
run_case "data both ways, merged on arrival" over_a_wire
run_case "a handshake over IPv6" over_ipv6 handshake
run_case "data both ways over IPv6" over_ipv6 data
tunnel_delete a wt0
tunnel_delete b wt0
run_case "unloading, with a link" refuse_each_load unload
run_case "loading" refuse_each_load load
run_case "loading with compat=1" refuse_each_load load-compat
