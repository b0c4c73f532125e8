#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Controllers of clusters drive weft as they drive the in-tree module: flannel's wireguard-native, Calico, Cilium, kilo, and
# wgctrl-go itself. controllers.py sends what they send, message by message, to the in-tree module and then to weft in its
# place (compat=1), in this machine, and the kernel's answers, what is configured after each message and the links have to be the
# same. The nodes' pods reach each other before and after the changes.
# series: 6.12
#
#	 namespace a                               namespace b
#	 pod 10.244.1.1 on lo                      pod 10.244.2.1 on lo
#	 flannel-wg, wireguard.cali, ...           the same
#	 va 192.0.2.1 --------------- veth --------------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

skip_unless_weft

loaded() { # loaded MODULE
	[ -d "/sys/module/$1" ]
}

unload() { # unload MODULE...
	local module

	for module; do
		! loaded "$module" || wait_for 10 rmmod "$module"
	done
}

load() { # load in-tree|weft
	unload weft wireguard
	if [ "$1" = weft ]; then modprobe weft compat=1; else modprobe wireguard; fi
}

node() { # node NS ACTION CONTROLLER
	local number=1 other=2 peer=b

	[ "$1" = a ] || number=2 other=1 peer=a
	ns "$1" env KIND=wireguard SELF_PRIVATE="$(cat "$(key_file "$1")")" SELF_PUBLIC="$(public_key "$1")" PEER_PUBLIC="$(public_key "$peer")" \
		SELF_ADDRESS=10.99.0.$number PEER=192.0.2.$other PEER_POD=10.244.$other.0/24 python3 "$test_dir/controllers.py" "$2" "$3"
}

pods_talk() {
	if ns a ping -n -c 2 -i 0.2 -W 5 -I 10.244.1.1 10.244.2.1 >/dev/null; then
		echo "the pods talk"
	else
		echo "the pods do not talk"
	fi
}

# What ip(8) shows of the link. Each driver has its own number of queues, and segmentation that it can do.
link_state() { # link_state NS
	ip -n "$(ns_name "$1")" -j -d link show type wireguard | python3 -c 'import json, sys
for link in json.load(sys.stdin):
    link = {key: value for key, value in link.items() if key not in ("ifindex", "num_tx_queues", "num_rx_queues")
            and not key.startswith(("gso_", "tso_", "gro_"))}
    print("link", json.dumps(link, sort_keys=True))'
}

# Cilium's programs let packets of the tunnel out by their mark alone: all others that a sends are dropped. Its programs on
# the tunnel give packets inside marks of their own.
mark_filters() { # mark_filters DEV
	local program='4,32 0 0 4294963220,21 1 0 3584,6 0 0 4294967295,6 0 0 0,'

	ns a tc qdisc add dev va clsact &&
		ns a tc filter add dev va egress protocol ip bpf bytecode "$program" action drop &&
		ns a tc qdisc add dev "$1" clsact &&
		ns a tc filter add dev "$1" egress matchall action skbedit mark 0xd00
}

mark_matters() {
	pods_talk
	ns a wg set cilium_wg0 fwmark 0
	ns a ping -q -n -c 2 -i 0.2 -W 1 -I 10.244.1.1 10.244.2.1 >/dev/null || echo "without the mark they do not"
	ns a wg set cilium_wg0 fwmark 0xe00
	pods_talk
}

# One driver's life with a controller, as a text. It is called where errexit has no effect.
life() { # life CONTROLLER
	node a join "$1" && node b join "$1" && link_state a || return
	pods_talk
	if [ "$1" = cilium ]; then
		mark_filters cilium_wg0 && mark_matters && ns a tc qdisc del dev va clsact || return
	fi
	node a change "$1" && link_state a || return
	[ "$1" = kilo ] || [ "$1" = wgctrl ] || pods_talk
	node a leave "$1" && node b leave "$1"
}

# What the drivers may differ in, without a number of chance: the port of a device before it has one is the kernel's choice. weft
# wipes peers' keys in a request before it answers, also if it refuses it, and the answer repeats the request.
comparable() { # comparable CONTROLLER FILE
	case $1 in
	calico)
		sed '/^Calico: the device/,/^Calico: threads/s/^  device 6:[0-9a-f]\{4\} /  device 6:any /' "$2"
		;;
	wgctrl)
		sed '/^Wgctrl: lists that are not marked/,$s/\(errno 22, request [0-9a-f]*\) .*/\1/' "$2"
		;;
	*)
		cat "$2"
		;;
	esac
}

# The in-tree driver has a NAPI context for each peer, and weft has its own from the beginning.
as_of_weft() { # as_of_weft CONTROLLER
	if [ "$1" = calico ]; then
		sed '/threads, before there is a peer/{n;s/errno 95/0/}'
	else
		cat
	fi
}

# The lines in which two lives differ; without any the status is 0.
same_lines() { # same_lines CONTROLLER IN_TREE WEFT
	comparable "$1" "$2" | as_of_weft "$1" >"$lib_work/expected"
	comparable "$1" "$3" >"$lib_work/got"
	! diff "$lib_work/expected" "$lib_work/got" >"$lib_work/diff" || return 0
	cut -c 1-400 "$lib_work/diff" | head -n 40
	return 1
}

same_life() { # same_life CONTROLLER
	local driver lines

	for driver in in-tree weft; do
		load $driver
		defer unload weft wireguard
		life "$1" >"$lib_work/$driver" 2>&1 || fail "$driver: status $? behind: $(tail -n 3 "$lib_work/$driver" | cut -c 1-300)"
	done
	lines=$(wc -l <"$lib_work/weft")
	note "$1: $lines lines, $(grep -c '^  answer' "$lib_work/weft") answers"
	expect_gt "lines" "$lines" 30
	expect_ge "pings" "$(grep -c 'the pods talk' "$lib_work/weft")" 1
	expect_eq "pings without an answer" "$(grep 'the pods do not talk' "$lib_work/weft" || true)" ""
	[ "$1" != cilium ] || expect grep -q "without the mark they do not" "$lib_work/weft"
	same_lines "$1" "$lib_work/in-tree" "$lib_work/weft" || fail "weft's answers (>) differ from in-tree's (<)"
}

# A second of keepalive is the difference between two lives with one driver.
difference_is_found() {
	load in-tree
	defer unload weft wireguard
	life kilo >"$lib_work/once"
	life kilo >"$lib_work/same"
	KEEPALIVE=11 life kilo >"$lib_work/other"
	expect same_lines kilo "$lib_work/once" "$lib_work/same"
	expect_fail same_lines kilo "$lib_work/once" "$lib_work/other"
	expect_match "the difference" "$(cat "$lib_work/diff")" ' 5:0a00 .* 5:0b00 '
}

modprobe wireguard 2>/dev/null || skip "no in-tree wireguard here"
pair_underlay_create
new_key a
new_key b
addr_add a lo 10.244.1.1/32
addr_add b lo 10.244.2.1/32
for controller in flannel calico cilium kilo wgctrl; do
	run_case "$controller: the same answers and settings as in-tree" same_life $controller
done
run_case "the comparison finds a difference" difference_is_found
