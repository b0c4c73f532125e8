# shellcheck shell=bash disable=SC2154 # guest.sh assigns the variables
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by the demo where Python is fast: the playbooks of weft.fleet, over SSH from the controller to the servers.
# shellcheck source=selftests/fleet/play.sh
. "$demo_dir/../fleet/play.sh"
export ANSIBLE_CONFIG=$demo_dir/../fleet/ansible.cfg
# shellcheck disable=SC2034 # guest.sh prints it
carrier="ansible-core $play_version, over SSH"

fleet_prepare() {
	play_prepare && play_make_login "$work/machines" && write_inventory
}

# Of a server that the controller may log in to.
fleet_meet() { # fleet_meet NODE
	wait_until test -s "$work/machines/$1.pub" && play_meet "$work/machines" "$1" "$(public "$1")"
}

inventory_line() { # inventory_line NODE
	printf '    %-10s {ansible_host: %s, weft_address: %s/24, weft_endpoint: "%s"}\n' "$1:" "$(public "$1")" "$(inside "$1")" "$(endpoints "$1")"
}

write_inventory() {
	{
		printf 'weft:\n  vars: {ansible_user: root, weft_fleet: prod, weft_store: %s, weft_install: none, weft_service: ""}\n' "$work/store"
		printf '  hosts:\n'
		for node in "${nodes[@]}"; do
			inventory_line "$node"
		done
	} >"$work/fleet.yml"
}

play() { # play PLAYBOOK [OPTIONS...]
	local status=0 started=$SECONDS

	printf '   %s\n' "$(paint 36 "controller\$ ansible-playbook -i fleet.yml weft.fleet.$*")"
	nsenter --net=/run/netns/controller "${playing[@]}" -i "$work/fleet.yml" "weft.fleet.$1" "${@:2}" >"$work/play" 2>&1 || status=$?
	sed -n '/^PLAY RECAP/,$s/^\([a-z].*failed=[0-9]*\).*/     \1/p' "$work/play"
	printf '     %d seconds\n' $((SECONDS - started))
	played="test $status = 0 || { grep -E '^fatal|^ERROR' '$work/play'; false; }"
}

fleet_build() {
	printf '   %s\n' "$(paint 36 "controller\$ cat fleet.yml")"
	sed 's/^/     /' "$work/fleet.yml"
	play mesh
	check "one run has made keys on each server, signed who is in the fleet, and brought three tunnels up" eval "$played"
}

fleet_join() { # fleet_join NODE
	inventory_line "$1" >>"$work/fleet.yml"
	printf '   %s\n' "$(paint 36 "controller\$ tail -n 1 fleet.yml")"
	tail -n 1 "$work/fleet.yml" | sed 's/^/     /'
	play mesh
	check "the same run has made it the fourth of them" eval "$played"
}

fleet_rotate() {
	play rotate
	check "the playbook has replaced the keys of all four" eval "$played"
}

fleet_revoke() { # fleet_revoke NODE
	play revoke -e "weft_revoke=$1"
	check "the admin key has revoked $1, and the others have heard it" eval "$played"
}
