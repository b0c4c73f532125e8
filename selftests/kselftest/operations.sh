#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Documentation/networking/weft-operations.rst holds: every command in it is run, in its order, on the server of its
# prompt, and none fails. A case is a section of the page.
# series: 6.12
#
#	 namespaces ember, litespeed, spark, each with an /etc/weft of its own: weft0 10.77.0.1 to 3
#	 up0 203.0.113.11 to 13 --- bridge (namespace net); ember also 198.51.100.11
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/kselftest/lib/page.sh
. "$(dirname "$0")/lib/page.sh"

skip_unless_weft
page=$test_dir/../../Documentation/networking/weft-operations.rst
servers="ember litespeed spark"
export PATH="$test_dir/../../tools:$PATH"

servers_create() {
	local server number=11

	# shellcheck disable=SC2086 # a list
	ns_create net $servers
	ns_ip net link add br0 type bridge
	ns_ip net link set br0 up
	mkdir -p /etc/weft
	for server in $servers; do
		veth_link "$server" up0 net "$server"
		ns_ip net link set "$server" master br0
		addr_add "$server" up0 "203.0.113.$number/24"
		ns_ip "$server" route add default dev up0
		mkdir -p "/etc/netns/$(ns_name "$server")/weft"
		defer rm -r "/etc/netns/$(ns_name "$server")"
		number=$((number + 1))
	done
	addr_add ember up0 198.51.100.11/24
}

# Words such as LITESPEED_KEY are replaced by the keys that exist by then.
fill_in() { # fill_in COMMAND
	local command=$1 server folder

	for server in $servers; do
		folder=/etc/netns/$(ns_name "$server")/weft
		[ ! -e "$folder/key.new" ] || command=${command//${server^^}_NEW_KEY/$("$WEFT" pubkey <"$folder/key.new")}
		[ ! -e "$folder/key" ] || command=${command//${server^^}_KEY/$("$WEFT" pubkey <"$folder/key")}
	done
	printf '%s' "$command"
}

on_server() { # on_server SERVER COMMAND
	ip netns exec "$(ns_name "$1")" bash -eu -o pipefail -c \
		"mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
$2"
}

run_command() { # run_command SERVER COMMAND
	local command

	command=$(fill_in "$2")
	on_server "$1" "$command" || fail "status $? on $1: $command"
	# The page says: "When every peer has followed".
	[[ $command != *"weft rotate weft0 private-key"* ]] || wait_for 10 peers_have_followed
}

run_section() { # run_section SECTION
	page_run "$page" "$1"
	[ ! -v "after[$1]" ] || ${after[$1]}
}

# Checks of the state after a section.
declare -A after=(
	["Hub and spoke"]=fleet_talks
	["Full mesh"]=fleet_talks
	["Rotating keys"]=rotated
	["Failing over"]=fleet_talks
	["Removing a server"]=spark_is_out
	["Taking it away"]=nothing_left
)

fleet_talks() {
	local server address

	for server in $servers; do
		for address in 10.77.0.1 10.77.0.2 10.77.0.3; do
			expect ns "$server" ping -n -c 1 -W 5 $address
		done
	done
}

new_key_of_ember() {
	local folder

	folder=/etc/netns/$(ns_name ember)/weft
	[ -e "$folder/key.new" ] || set -- key
	"$WEFT" pubkey <"$folder/${1-key.new}"
}

peers_have_followed() {
	local new

	new=$(new_key_of_ember)
	[[ $(ns litespeed "$WEFT" show weft0 peers) == *$new* && $(ns spark "$WEFT" show weft0 peers) == *$new* ]]
}

rotated() {
	expect_eq "ember's key" "$(ns ember "$WEFT" show weft0 public-key)" "$(new_key_of_ember)"
	expect peers_have_followed
	# The key file has the new key, and no copy of the old one remains.
	expect grep -q "^PrivateKey = $(cat "/etc/netns/$(ns_name ember)/weft/key")" \
		"/etc/netns/$(ns_name ember)/weft/weft0.conf"
	expect_fail ls "/etc/netns/$(ns_name ember)/weft/key.new"
	fleet_talks
}

spark_is_out() {
	local server

	expect ns litespeed ping -n -c 1 -W 5 10.77.0.1
	expect_fail ns spark ping -n -c 1 -W 5 10.77.0.1
	for server in ember litespeed; do
		expect_fail grep -q "^Name = spark" "/etc/netns/$(ns_name "$server")/weft/weft0.conf"
	done
}

nothing_left() {
	local server

	for server in $servers; do
		expect_fail ns_ip "$server" link show weft0
	done
}

# A shell of one server on another.
mkdir -p "$lib_work/bin"
cat >"$lib_work/bin/ssh" <<END
#!/bin/bash
exec ip netns exec "\$(sed -n "s/^\$1 //p" $lib_work/servers)" bash -c "\${*:2}"
END
chmod +x "$lib_work/bin/ssh"
export PATH="$lib_work/bin:$PATH"

servers_create
for server in $servers; do
	echo "$server $(ns_name "$server")"
done >"$lib_work/servers"
while read -r section; do
	run_case "$section" run_section "$section"
done < <(page_sections "$page")
