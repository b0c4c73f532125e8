#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Documentation/networking/weft-clusters.rst holds: every command in it is run, in its order, on the node of its prompt, and
# none fails. A case is a section of the page.
# series: 6.12
#
#	 namespaces ember, litespeed, spark, each with an /etc/weft of its own: cluster0 10.77.0.1 to 3, pod 10.244.1.1 to 3.1
#	 up0 203.0.113.11 to 13 --- bridge (namespace net)
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/kselftest/lib/page.sh
. "$(dirname "$0")/lib/page.sh"

skip_unless_weft
page=$test_dir/../../Documentation/networking/weft-clusters.rst
nodes="ember litespeed spark"
export PATH="$test_dir/../../tools:$PATH"

nodes_create() {
	local node number=1

	# shellcheck disable=SC2086 # a list
	ns_create net $nodes
	ns_ip net link add br0 type bridge
	ns_ip net link set br0 up
	mkdir -p /etc/weft
	for node in $nodes; do
		veth_link "$node" up0 net "$node"
		ns_ip net link set "$node" master br0
		addr_add "$node" up0 "203.0.113.1$number/24"
		addr_add "$node" lo "10.244.$number.1/32"
		ns_ip "$node" route add default dev up0
		mkdir -p "/etc/netns/$(ns_name "$node")/weft"
		defer rm -r "/etc/netns/$(ns_name "$node")"
		number=$((number + 1))
	done
}

# Words such as SPARK_KEY are replaced by the keys that exist by then.
run_command() { # run_command NODE COMMAND
	local command=$2 node key

	for node in $nodes; do
		key=/etc/netns/$(ns_name "$node")/weft/key
		[ ! -e "$key" ] || command=${command//${node^^}_KEY/$("$WEFT" pubkey <"$key")}
	done
	ip netns exec "$(ns_name "$1")" bash -eu -o pipefail -c "$command" || fail "status $? on $1: $command"
}

# Checks of the state after a section.
declare -A after=(
	["One network of all nodes"]=nodes_talk
	["Without encapsulation"]=pods_talk
	["Firewall"]=plugin_is_closed
	["Taking it away"]=nothing_left
)

run_section() { # run_section SECTION
	page_run "$page" "$1"
	[ ! -v "after[$1]" ] || ${after[$1]}
}

# What the table says of an underlay of 1500. A node's first initiation is lost when the other has no interface yet, and it
# sends the next one after 5 s.
nodes_talk() {
	local node address

	for node in $nodes; do
		expect_eq "mode of $node's file" "$(stat -c %a "/etc/netns/$(ns_name "$node")/weft/cluster0.conf")" 600
		expect_match "$node's MTU" "$(ns_ip "$node" link show cluster0)" ' mtu 1420 '
		for address in 10.77.0.1 10.77.0.2 10.77.0.3; do
			expect ns "$node" ping -n -c 1 -w 20 -M "do" -s 1392 $address
		done
	done
}

pods_talk() {
	expect ns ember ping -n -c 1 -W 5 -M "do" -s 1392 -I 10.244.1.1 10.244.3.1
	expect_fail ns ember ping -n -c 1 -W 5 -M "do" -s 1393 -I 10.244.1.1 10.244.3.1
	# spark has no prefix of litespeed's pods.
	expect ns litespeed "$WEFT" set cluster0 peer spark allowed-ips +10.244.3.0/24
	ns_ip litespeed route add 10.244.3.0/24 dev cluster0
	expect_fail ns litespeed ping -n -c 1 -W 2 -I 10.244.2.1 10.244.3.1
}

# A datagram to the plugin's port arrives through cluster0 alone.
plugin_is_closed() {
	ns_run plugin ember socat -u UDP-RECV:8472 STDOUT
	wait_for 10 ns ember sh -c 'ss -Huln sport = :8472 | grep . >/dev/null'
	echo outside | ns spark socat -u - UDP:203.0.113.11:8472
	echo inside | ns spark socat -u - UDP:10.77.0.1:8472
	wait_for 10 grep -q inside "$(ns_output plugin)"
	expect_eq "what has arrived" "$(cat "$(ns_output plugin)")" inside
}

nothing_left() {
	local node

	for node in $nodes; do
		expect_fail ns_ip "$node" link show cluster0
		expect_eq "tables on $node" "$(ns "$node" nft list tables)" ""
	done
}

# Each number of the table of MTUs follows from that of the underlay.
mtus_are_right() {
	local wrong

	wrong=$(awk '/^Underlay / { inside = 1 } inside && /[0-9]$/ { count++
			if ($(NF - 3) != $(NF - 4) - 80 || $(NF - 2) != $(NF - 3) - 50 || $(NF - 1) != $(NF - 3) - 20 || $NF != $(NF - 3) - 80)
				print
		}
		/^One network/ { inside = 0 }
		END { if (count < 4) print "only " count + 0 " rows" }' "$page")
	expect_eq "rows of other numbers" "$wrong" ""
}

modprobe vxlan 2>/dev/null || skip "no module vxlan here"
nodes_create
run_case "the table of MTUs" mtus_are_right
while read -r section; do
	run_case "$section" run_section "$section"
done < <(page_sections "$page")
