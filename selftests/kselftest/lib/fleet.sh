# shellcheck shell=bash disable=SC2154 # lib.sh assigns the variables
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by the tests of `weft fleet`, after lib.sh. A node is a namespace of its name with a state folder of its own;
# the controller is the machine's first namespace.
#
#   underlay_create NODE...               namespaces on a bridge; the Nth node has up0 192.0.2.N
#   fleet_create [WORDS OF init...]       a store and an admin key; goes away with the case
#   node_create NODE [WORDS OF admit...]  a member with its keys and the address 10.77.0.N/24
#   nodes_create NODE...                  several
#   on_store VERB WORDS...                a verb with the store and the admin key; the answer is for `said`
#   node NODE VERB WORDS...               a verb of a node; the answer is for `said`
#   said KEY; said_list KEY               of the last answer: a value, or a list with a text per line
#   gather NODE...                        their hellos go into the store
#   bundle_make                           the file $bundle
#   applies NODE [WORDS...]               $bundle is applied there, with status 0
#   expect_status STATUS NODE VERB WORDS...   a verb of a node ends with that status
#   spread NODE...                        gather, bundle_make, and applies, of these nodes
#   node_peers NODE                       its peers' names, on one line
#   node_key NODE                         its present public key
#   traffic_start PACE_MS NODE...         numbered UDP between every two of them; returns when all pairs have heard
#   traffic_lost_nothing                  ends it; each datagram has arrived once

fleet=wf0
bundle=$lib_work/bundle
store=$lib_work/store
admin_key=$lib_work/admin-key
states=$lib_work/states
answer=$lib_work/answer
declare -A node_number

underlay_create() { # underlay_create NODE...
	local name number=0

	ns_create net
	ns_ip_batch net "link add br0 type bridge" "link set br0 up"
	for name; do
		number=$((number + 1))
		node_number[$name]=$number
		ns_create "$name"
		ip link add up0 netns "$(ns_name "$name")" type veth peer name "$name" netns "$(ns_name net)"
		ns_ip_batch net "link set $name master br0" "link set $name up"
		ns_ip_batch "$name" "addr add 192.0.2.$number/24 dev up0" "link set up0 up"
	done
}

fleet_forget() {
	local name

	for name in "${!node_number[@]}"; do
		ns_ip "$name" link del "$fleet" 2>/dev/null || true
	done
	rm -rf "$states" "$store" "$admin_key" "$bundle" "$lib_work/hellos"
}

fleet_create() { # fleet_create [WORDS OF init...]: sets admin
	defer fleet_forget
	"$WEFT" -j fleet init "$fleet" store "$store" admin-key "$admin_key" "$@" >"$answer"
	admin=$(said admin)
}

on_store() { # on_store VERB WORDS...
	"$WEFT" -j fleet "$1" store "$store" admin-key "$admin_key" "${@:2}" >"$answer"
}

node() { # node NODE VERB WORDS...
	WEFT_FLEET_STATE=$states/$1 ns "$1" "$WEFT" -j fleet "$2" "$fleet" "${@:3}" >"$answer"
}

said() { # said KEY
	sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" "$answer"
}

said_list() { # said_list KEY
	sed -n "/^  \"$1\": *\[$/,/^  \]/s/^    \"\(.*\)\",\{0,1\}$/\1/p" "$answer"
}

admit() { # admit NODE [WORDS...]
	local name=$1 identity

	shift
	node "$name" hello node "$name" admins "$admin" endpoint "192.0.2.${node_number[$name]}:51820"
	identity=$(said identity)
	on_store admit node "$name" identity "$identity" address "10.77.0.${node_number[$name]}/24" "$@"
	set_value "serial.$name" "$(said serial)"
}

node_create() { # node_create NODE [WORDS OF admit...]
	mkdir -p "$states"
	admit "$@"
	node "$1" hello serial "$(value "serial.$1")"
}

nodes_create() { # nodes_create NODE...
	local name

	for name; do
		node_create "$name"
	done
}

gather() { # gather NODE...
	local name

	for name; do
		WEFT_FLEET_STATE=$states/$name ns "$name" "$WEFT" fleet hello "$fleet"
	done >"$lib_work/hellos"
	"$WEFT" -j fleet put store "$store" from "$lib_work/hellos" >"$answer"
}

bundle_make() {
	"$WEFT" fleet bundle store "$store" >"$bundle"
}

applies() { # applies NODE [WORDS...]
	local status=0

	node "$1" apply "$bundle" "${@:2}" || status=$?
	expect_eq "status of apply at $1" $status 0
}

expect_status() { # expect_status STATUS NODE VERB WORDS...
	local wanted=$1 status=0

	shift
	node "$@" || status=$?
	expect_eq "status of $*" "$status" "$wanted"
}

spread() { # spread NODE...
	local name

	gather "$@"
	bundle_make
	for name; do
		applies "$name"
	done
}

# Without further processes, as tests poll it.
node_peers() { # node_peers NODE
	local name names=() at

	while IFS=$'\t' read -r _ name; do
		for ((at = ${#names[@]}; at > 0; at--)); do
			[[ ${names[at - 1]} > $name ]] || break
			names[at]=${names[at - 1]}
		done
		names[at]=$name
	done < <(ns "$1" "$WEFT" show "$fleet" names)
	echo "${names[*]}"
}

node_key() { # node_key NODE
	ns "$1" "$WEFT" show "$fleet" public-key
}

traffic_start() { # traffic_start PACE_MS NODE...
	local name pace words=()

	pace=$(stretched "$1")
	shift
	for name; do
		words+=("$(ns_name "$name")=10.77.0.${node_number[$name]}")
	done
	rm -f "$lib_work/ready" "$lib_work/over"
	ns_run traffic net python3 "$lib_dir/fleet.py" traffic "$lib_work/over" "$lib_work/ready" "$pace" "${words[@]}"
	wait_for 300 test -e "$lib_work/ready"
}

traffic_lost_nothing() {
	pause 1
	touch "$lib_work/over"
	ns_wait traffic 60 || fail "traffic: $(tail -n 3 "$(ns_output traffic)")"
	note "traffic: $(tail -n 10 "$(ns_output traffic)")"
	expect_match "traffic" "$(tail -n 1 "$(ns_output traffic)")" '^([0-9]+) sent, [0-9]+ received, 0 lost, 0 double, 0 errors$'
	expect_gt "datagrams" "${BASH_REMATCH[1]-0}" "$(sized 100 20 10)"
}
