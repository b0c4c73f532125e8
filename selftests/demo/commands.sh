# shellcheck shell=bash disable=SC2154 # guest.sh assigns the variables
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by the demo where instructions are emulated, and Ansible would take minutes: the same steps by `weft fleet` and ssh,
# as weft-fleet.rst has them. Each command that is shown is run as it stands.
# shellcheck source=selftests/fleet/play.sh
. "$demo_dir/../fleet/play.sh"
# shellcheck disable=SC2034 # guest.sh prints it
carrier="weft fleet and ssh"

fleet_prepare() {
	play_make_login "$work/machines" || return
	printf 'ControlMaster auto\nControlPath /root/.ssh/%%h\nControlPersist 100\n' >/root/.ssh/config
	# One bundle for all.
	cat >"$work/spread" <<-'END' && chmod 755 "$work/spread"
		#!/bin/sh -e
		weft fleet bundle store fleet >bundle
		for node; do ssh root@$node weft fleet apply prod - <bundle; done
	END
}

fleet_meet() { # fleet_meet NODE: by name
	echo "$(public "$1") $1" >>/etc/hosts
	wait_until test -s "$work/machines/$1.pub" && play_meet "$work/machines" "$1" "$1"
}

# Shows a command, and runs it on the controller; its status is for "typed_well".
typed() { # typed COMMAND
	printf '   %s\n' "$(paint 36 "controller\$ $1")"
	typed_status=0
	(cd "$work" && timeout "$patience" nsenter --net=/run/netns/controller bash -o pipefail -c "$1") >"$work/typed" 2>&1 </dev/null || typed_status=$?
}

typed_well() {
	cat "$work/typed"
	[ "$typed_status" = 0 ]
}

said() { # said KEY FILE
	sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" "$2"
}

identity_made() {
	typed_well && [ -n "$(said identity "$work/typed")" ]
}

# Its keys are made there; the description of the fleet gets a line.
meet_identity() { # meet_identity NODE
	typed "ssh root@$1 weft -j fleet hello prod node $1 admins $admin endpoint $(endpoints "$1")"
	check "$1 has made its keys, and prints its identity" identity_made
	described+=("{\"node\": \"$1\", \"identity\": \"$(said identity "$work/typed")\", \"addresses\": [\"$(inside "$1")/24\"]}")
}

admit_described() {
	printf '[\n%s\n]\n' "$(printf '%s,\n' "${described[@]}" | sed '$s/,$//')" >"$work/fleet.json"
	printf '   %s\n' "$(paint 36 "controller\$ cat fleet.json")"
	sed 's/^/     /' "$work/fleet.json"
	typed "weft fleet admit store fleet admin-key admin.key from fleet.json"
	check "the admin key has signed who is in the fleet" typed_well
}

# Their hellos go into the store, and the bundle of all records back to all.
exchange() { # exchange WORDS OF weft fleet...
	typed "for node in ${nodes[*]}; do ssh root@\$node weft fleet $*; done | weft fleet put store fleet"
	check "their signed keys are in the store" typed_well
	typed "./spread ${nodes[*]}"
	check "one bundle of all records, the same for all, is applied on each" typed_well
}

fleet_build() {
	local node

	described=()
	typed "weft fleet init prod store fleet admin-key admin.key"
	check "there is a fleet, and an admin key" typed_well
	admin=$(cat "$work/typed")
	for node in "${nodes[@]}"; do
		meet_identity "$node"
	done
	admit_described
	exchange hello prod serial 1
}

fleet_join() { # fleet_join NODE
	meet_identity "$1"
	admit_described
	exchange hello prod serial 1
}

fleet_rotate() {
	local step

	for step in announce change finish; do
		exchange rotate prod $step id december
	done
}

fleet_revoke() { # fleet_revoke NODE
	local others

	typed "weft fleet revoke store fleet admin-key admin.key node $1"
	check "the admin key has revoked $1" typed_well
	mapfile -t others < <(printf '%s\n' "${nodes[@]}" | grep -vx "$1")
	typed "./spread ${others[*]}"
	check "the others have heard it" typed_well
}
