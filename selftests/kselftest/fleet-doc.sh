#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Documentation/networking/weft-fleet.rst holds: every command in it is run, in its order, on the machine of its prompt,
# and none fails. A case is a section of the page.
# series: 6.12
#
#	 namespaces ember, litespeed, spark, cinder, each with state and configuration of its own: prod 10.77.0.1 to 4
#	 up0 203.0.113.11 to 14 --- bridge (namespace net)
#	 the controller: a home folder, and an ssh that runs commands in those namespaces
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/kselftest/lib/page.sh
. "$(dirname "$0")/lib/page.sh"

skip_unless_weft
page=$test_dir/../../Documentation/networking/weft-fleet.rst
servers="ember litespeed spark cinder"
machines=$lib_work/machines
home=$machines/controller
export PATH="$test_dir/../../tools:$PATH"

# ---- machines ----

# Runs a command as root of a server: with its network, its /var/lib/weft and its /etc/wireguard.
write_on() {
	mkdir -p "$lib_work/bin"
	{
		printf '#!/bin/bash\nexport machine=%q/${1#root@} command="${*:2}"\n' "$machines"
		cat <<-'END'
			[ -d "$machine" ] || { echo "no machine '$1'" >&2; exit 255; }
			exec ip netns exec "$(<"$machine/namespace")" bash -eu -c '
				mount --bind "$machine/state" /var/lib/weft
				mount --bind "$machine/wireguard" /etc/wireguard
				exec bash -eu -o pipefail -c "$command"'
		END
	} >"$lib_work/bin/on"
	cp "$lib_work/bin/on" "$lib_work/bin/ssh"
	chmod +x "$lib_work/bin/on" "$lib_work/bin/ssh"
	export PATH="$lib_work/bin:$PATH"
}

servers_create() {
	local server number=11

	# shellcheck disable=SC2086 # a list
	ns_create net $servers
	ns_ip net link add br0 type bridge
	ns_ip net link set br0 up
	mkdir -p /var/lib/weft /etc/wireguard "$home"
	for server in $servers; do
		veth_link "$server" up0 net "$server"
		ns_ip net link set "$server" master br0
		addr_add "$server" up0 "203.0.113.$number/24"
		mkdir -p "$machines/$server"/{state,wireguard}
		ns_name "$server" >"$machines/$server/namespace"
		number=$((number + 1))
	done
}

run_command() { # run_command MACHINE COMMAND
	local command

	command=$(fill_in "$2")
	if [ "$1" = controller ]; then
		(cd "$home" && HOME=$home bash -eu -o pipefail -c "$command") || fail "status $? on $1: $command"
	else
		on "$1" "$command" || fail "status $? on $1: $command"
	fi
}

# ---- words in capitals, which stand for output of the commands before ----

json() { # json EXPRESSION COMMAND...: of the object that the command prints
	"${@:2}" | python3 -c "import json, sys; it = json.load(sys.stdin); print($1)"
}

on_controller() {
	(cd "$home" && HOME=$home "$@")
}

fleet_of() { # fleet_of COMMAND: the fleet that the command names
	[[ $1 == *wg0* ]] && echo wg0 || echo prod
}

serial_of() { # serial_of FLEET NODE
	json "[n['serial'] for n in it['nodes'] if n['node'] == '$2'][0]" on_controller "$WEFT" -j fleet list store "$home/$1"
}

fill_in() { # fill_in COMMAND
	local command=$1 fleet server

	fleet=$(fleet_of "$command")
	[[ $command != *ADMIN_KEY* ]] ||
		command=${command//ADMIN_KEY/$(json "it['admins'][0]" on_controller "$WEFT" -j fleet list store "$home/$fleet")}
	[[ $command != *PHONE_KEY* ]] || command=${command//PHONE_KEY/$(public_key phone)}
	for server in $servers; do
		[[ $command != *${server^^}_IDENTITY* ]] ||
			command=${command//${server^^}_IDENTITY/$(json "it['identity']" on "$server" "weft -j fleet hello $fleet")}
		[[ $command != *${server^^}_SERIAL* ]] || command=${command//${server^^}_SERIAL/$(serial_of "$fleet" "$server")}
	done
	printf '%s' "$command"
}

# ---- sections ----

declare -A before=(
	["Rotating keys"]=pings_begin
	["From wg-quick to a fleet"]=wg_quick_mesh
)

declare -A after=(
	["From nothing to a mesh"]="mesh_of ember litespeed spark"
	["Adding a node"]="mesh_of ember litespeed spark cinder"
	["Hub and spoke"]=spokes_hang_on_ember
	["Groups: two regions"]="mesh_of ember litespeed spark cinder"
	["Prefixes"]=prefix_has_moved
	["A member without weft"]=phone_is_member
	["Rotating keys"]=keys_are_new
	["Losing a node"]=spark_is_out
	["From wg-quick to a fleet"]=wg0_talks
	["And back"]=wg0_talks
)

run_section() { # run_section SECTION
	[ ! -v "before[$1]" ] || ${before[$1]}
	page_run "$page" "$1"
	[ ! -v "after[$1]" ] || ${after[$1]}
}

address_of() { # address_of SERVER
	local server number=1

	for server in $servers; do
		[ "$server" != "$1" ] || echo 10.77.0.$number
		number=$((number + 1))
	done
}

all_ping() { # all_ping SERVER...
	local from to

	for from; do
		for to; do
			[ "$from" = "$to" ] || expect ns "$from" ping -n -c 1 -W 5 "$(address_of "$to")"
		done
	done
}

peers_of() { # peers_of SERVER
	ns "$1" "$WEFT" show prod peers | wc -l
}

mesh_of() { # mesh_of SERVER...
	local server

	for server; do
		expect_eq "peers of $server" "$(peers_of "$server")" $(($# - 1))
	done
	all_ping "$@"
}

pings_begin() {
	set_value keys "$(ns spark "$WEFT" show prod public-key) $(ns cinder "$WEFT" show prod public-key)"
	ns_run pings spark ping -n -i 0.05 10.77.0.4
	wait_for 20 grep -q 'icmp_seq=3 .*time=' "$(ns_output pings)"
}

spokes_hang_on_ember() {
	local server

	expect_eq "peers of the hub" "$(peers_of ember)" 3
	for server in litespeed spark cinder; do
		expect_eq "the peer of $server" "$(ns "$server" "$WEFT" show prod names | cut -f 2)" ember
	done
	# shellcheck disable=SC2086 # a list
	all_ping $servers
}

prefix_has_moved() {
	expect_match "cinder's prefixes at ember" "$(ns ember "$WEFT" show prod allowed-ips)" '10.77.0.4/32 10.78.0.0/24|10.78.0.0/24 10.77.0.4/32'
	expect_match "the route" "$(ns_ip ember route get 10.78.0.9)" 'dev prod'
}

phone_is_member() {
	expect_eq "the phone at ember" "$(ns ember "$WEFT" show prod allowed-ips | grep -F "$(public_key phone)")" \
		"$(public_key phone)	10.77.0.100/32"
	expect_match "the file" "$(cat "$home/phone.conf")" 'Address = 10.77.0.100/32'
	expect_fail grep -i '^PrivateKey' "$home/phone.conf"
}

# Sessions of an erased key end after 10 seconds: then each peer has met the new one.
keys_are_new() {
	local old server

	pings_stop pings
	for old in $(value keys); do
		expect_fail grep -F "$old" <<<"$(for server in $servers; do ns "$server" "$WEFT" show prod public-key; done)"
	done
	# shellcheck disable=SC2086 # a list
	all_ping $servers
	pause 11
	# shellcheck disable=SC2086 # a list
	all_ping $servers
	for old in $(value keys); do
		expect_fail grep -F "$old" <<<"$(for server in $servers; do ns "$server" "$WEFT" show prod peers; done)"
	done
}

spark_is_out() {
	all_ping ember litespeed cinder
	expect_fail ns spark ping -n -c 1 -W 5 10.77.0.1
	expect_eq "the bundles of both stores" "$(on_controller "$WEFT" fleet bundle store "$home/again")" \
		"$(on_controller "$WEFT" fleet bundle store "$home/prod")"
}

# A mesh that wg-quick has made, with a prefix behind cinder.
wg_quick_mesh() {
	local server peer

	for server in ember litespeed cinder; do
		ns "$server" "$WEFT" down prod
		new_key "old-$server"
	done
	for server in ember litespeed cinder; do
		write_wg0 "$server" >"$machines/$server/wireguard/wg0.conf"
		on "$server" "wg-quick up wg0"
	done
	wg0_talks
}

write_wg0() { # write_wg0 SERVER
	local peer

	printf '[Interface]\nPrivateKey = %s\nAddress = %s/24\nListenPort = 51820\n' "$(<"$(key_file "old-$1")")" "$(address_of "$1")"
	for peer in ember litespeed cinder; do
		[ "$peer" != "$1" ] || continue
		printf '[Peer]\nPublicKey = %s\nAllowedIPs = %s/32\nEndpoint = %s:51820\n' "$(public_key "old-$peer")" \
			"$(address_of "$peer")" "203.0.113.1$(address_of "$peer" | cut -d . -f 4)"
		[ "$peer" != cinder ] || printf 'AllowedIPs = 10.79.0.0/24\n'
	done
}

wg0_talks() {
	all_ping ember litespeed cinder
	expect_match "cinder's prefix at ember" "$(ns ember "$WEFT" show wg0 allowed-ips)" '10.79.0.0/24'
}

write_on
servers_create
new_key phone
while read -r section; do
	run_case "$section" run_section "$section"
done < <(page_sections "$page")
