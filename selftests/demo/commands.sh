# shellcheck shell=bash disable=SC2154 # guest.sh assigns the variables
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by the demo where instructions are emulated, and Ansible would take minutes: the same steps by `weft fleet`. One
# bundle goes to all servers.
carrier="weft fleet, by hand"
declare -A serial

fleet_prepare() {
	echo '[]' >"$work/fleet.json"
}

fleet_meet() { # fleet_meet NODE
	return 0
}

typed() { # typed PROMPT COMMAND: for the viewer
	printf '   %s\n' "$(paint 36 "$1 $2")"
}

on_store() { # on_store VERB WORDS...
	weft -j fleet "$1" store "$work/store" admin-key "$work/admin.key" "${@:2}"
}

said() { # said KEY: of JSON on standard input
	sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p"
}

# Keys are made on the server; the admin key signs its addresses for the identity.
admit() { # admit NODE
	local identity

	identity=$(at "$1" weft -j fleet hello prod node "$1" admins "$admin" endpoint "$(endpoints "$1")" | said identity) &&
		serial[$1]=$(on_store admit node "$1" identity "$identity" address "$(inside "$1")/24" | said serial) &&
		at "$1" weft fleet hello prod serial "${serial[$1]}" | weft fleet put store "$work/store"
}

spread() { # spread NODE...: the bundle goes to each
	local node

	weft fleet bundle store "$work/store" >"$work/bundle" || return
	for node; do
		at "$node" weft fleet apply prod - <"$work/bundle" || return
	done
}

make_fleet() {
	local node

	admin=$(weft -j fleet init prod store "$work/store" admin-key "$work/admin.key" | said admin) || return
	for node in "${nodes[@]}"; do
		admit "$node" || return
	done
}

fleet_build() {
	typed controller\$ "weft fleet init prod store fleet admin-key admin.key"
	typed ember# "weft -j fleet hello prod node ember admins ADMIN_KEY endpoint $(endpoints ember)"
	typed controller\$ "weft fleet admit store fleet admin-key admin.key node ember identity IDENTITY address $(inside ember)/24"
	typed controller\$ "ssh root@ember weft fleet hello prod serial 1 | weft fleet put store fleet"
	check "each server has made its keys, and the admin key has signed who is in the fleet" make_fleet
	typed controller\$ "weft fleet bundle store fleet > bundle"
	typed controller\$ "ssh root@ember weft fleet apply prod - < bundle"
	check "the same bundle, applied on each, has brought three tunnels up" spread "${nodes[@]}"
}

fleet_join() { # fleet_join NODE
	typed controller\$ "weft fleet admit store fleet admin-key admin.key node $1 identity IDENTITY address $(inside "$1")/24"
	check "$1 has made its keys, and is admitted" admit "$1"
	check "the new bundle is on all four" spread "${nodes[@]}"
}

rotate_step() { # rotate_step STEP
	local node

	for node in "${nodes[@]}"; do
		at "$node" weft fleet rotate prod "$1" id december || return
	done >"$work/hellos"
	weft fleet put store "$work/store" from "$work/hellos" && spread "${nodes[@]}"
}

fleet_rotate() {
	local step

	for step in announce change finish; do
		typed controller\$ "ssh root@NODE weft fleet rotate prod $step id december | weft fleet put store fleet"
		check "$step: on all four, and the bundle behind it" rotate_step "$step"
	done
}

revoke() { # revoke NODE
	local node others=()

	on_store revoke node "$1" || return
	for node in "${nodes[@]}"; do
		[ "$node" = "$1" ] || others+=("$node")
	done
	spread "${others[@]}"
}

fleet_revoke() { # fleet_revoke NODE
	typed controller\$ "weft fleet revoke store fleet admin-key admin.key node $1"
	check "the admin key has revoked $1, and the others have heard it" revoke "$1"
}
