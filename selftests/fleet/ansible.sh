#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The collection weft.fleet: a real ansible-core builds, changes and rotates a fleet over SSH. Each node is a machine as far
# as the playbooks can see: network, file systems, host name and SSH server are its own (node.sh).
#
#	 ctl               ant              bee              cow              dog              elk
#	                   10.7.0.1         10.7.0.2         10.7.0.3         10.7.0.4         10.7.0.5     prod: the fleet
#	 eth0 192.0.2.254  eth0 192.0.2.1   eth0 192.0.2.2   eth0 192.0.2.3   eth0 192.0.2.4   eth0 192.0.2.5
#	      |                 |                |                |                |                |
#	      +-----------------+----------------+----------------+----------------+----------------+    "switch", in net
#
# elk's link is one of the kernel's own WireGuard. The guest has ansible-core by boot.sh -d (programs.sh).
# CASES chooses cases by their functions, without check_: each but the first three needs first_run.
# vm: smp
# timeout: 3600
. "$(dirname "$0")/../kselftest/lib.sh"

skip_unless_weft
fleet_dir=$test_dir
# shellcheck source=selftests/fleet/play.sh
. "$fleet_dir/play.sh"
nodes=(ant bee cow dog elk)
# Those that lose no packet in a rotation.
weft_nodes=(ant bee cow dog)
declare -A number=([ant]=1 [bee]=2 [cow]=3 [dog]=4 [elk]=5)
machines=/run/fleet
store=/root/store
inventory=$lib_work/inventory.yml

[ -d "$play_programs" ] || skip "no ansible-core: run make check-fleet"

# ---- machines ----

inside() { echo "10.7.0.${number[$1]}"; }

underlay() { echo "192.0.2.${number[$1]}"; }

plug_in() { # plug_in NS ADDRESS
	veth_link "$1" eth0 net "to-$1"
	ns_ip net link set "to-$1" master switch
	addr_add "$1" eth0 "$2/24"
}

start_node() { # start_node NODE
	plug_in "$1" "$(underlay "$1")"
	ns_run "sshd-$1" "$1" unshare --mount --uts "${play_machine[@]}" bash "$fleet_dir/node.sh" "$1" $machines
}

meet_node() { # meet_node NODE
	wait_for 30 test -s "$machines/$1.pub"
	play_meet $machines "$1" "$(underlay "$1")"
}

start_fleet() {
	local node

	play_prepare
	modprobe -a weft wireguard
	play_make_login $machines
	ns_create net ctl "${nodes[@]}"
	ns_ip net link add switch type bridge
	ns_ip net link set switch up
	plug_in ctl 192.0.2.254
	for node in "${nodes[@]}"; do
		start_node "$node"
	done
	for node in "${nodes[@]}"; do
		meet_node "$node"
	done
	# It has a network behind it.
	forwarding_on bee
	cp "$fleet_dir/inventory.yml" "$inventory"
}

# In all namespaces of that machine, and in its root.
machine() { # machine NODE COMMAND...
	local pid

	read -r pid <"$lib_work/runs/sshd-$1.pid"
	shift
	nsenter --target "$pid" --net --mount --root --uts "$@"
}

# ---- playbooks ----

export ANSIBLE_CONFIG=$fleet_dir/ansible.cfg FLEET_STORE=$store

# Its output is $lib_work/play.
play_status() { # play_status PLAYBOOK [OPTIONS...]: prints the exit status
	local name=$1 started status=0

	shift
	started=$(now_ms)
	ns ctl "${playing[@]}" -i "$inventory" "weft.fleet.$name" "$@" >"$lib_work/play" 2>&1 || status=$?
	note "$name $*: $((($(now_ms) - started) / 1000)) s" >&2
	echo $status
}

play() { # play PLAYBOOK [OPTIONS...]
	local status

	status=$(play_status "$@")
	[ "$status" = 0 ] || { grep -E -A 25 '^(fatal|\[ERROR)|FAILED|: ok=' "$lib_work/play" | cut -c 1-1500; fail "status $status of $*"; }
}

recap() { # recap NODE WORD: a number of the recap
	awk -v node="$1" -v word="$2" '$1 == node && / ok=/ { for (i = 2; i <= NF; i++) if (split($i, part, "=") && part[1] == word) print part[2] }' \
		"$lib_work/play"
}

all_unchanged() { # all_unchanged NODE...
	local node

	for node; do
		[ "$(recap "$node" changed)" = 0 ] || grep -E '^(changed|TASK)' "$lib_work/play" | grep -B 1 ^changed
		expect_eq "changed tasks at $node" "$(recap "$node" changed)" 0
		expect_eq "failed tasks at $node" "$(recap "$node" failed)" 0
	done
}

# Whether the tasks, with " > " between, were named one after the other; has_done: and a host has done the last one.
is_named() { # is_named TASKS OUTPUT
	awk -v tasks="$1" 'BEGIN { count = split(tasks, task, " > "); at = 1 }
		/^TASK/ && index($0, task[at]) { at++ } END { exit at <= count }' "$2"
}

has_done() { # has_done TASKS OUTPUT
	awk -v tasks="$1" 'BEGIN { count = split(tasks, task, " > "); at = 1 }
		/^TASK/ && at <= count && index($0, task[at]) { at++ } at > count && /^(changed|ok):/ { good = 1 } END { exit !good }' "$2"
}

play_begin() { # play_begin PLAYBOOK [OPTIONS...]
	ns_run play ctl setsid --wait "${playing[@]}" -i "$inventory" "weft.fleet.$1" "${@:2}"
	played=$1
}

# To all processes of that run.
play_signal() { # play_signal SIGNAL
	# shellcheck disable=SC2046 # a list
	kill "-$1" $(pgrep -f "weft[.]fleet[.]$played")
}

play_end() {
	wait_for 300 test -s "$lib_work/runs/play.status"
	expect_eq "status of $played" "$(cat "$lib_work/runs/play.status")" 0
}

# Killed when the first host has done the task, with all of its processes. A run that ends before is a failure.
play_killed_at() { # play_killed_at TASKS PLAYBOOK [OPTIONS...]
	local task=$1

	shift
	play_begin "$@"
	wait_for 300 has_done "$task" "$(ns_output play)"
	play_signal KILL
	wait_for 20 test -s "$lib_work/runs/play.status"
	expect_fail grep -q 'PLAY RECAP' "$(ns_output play)"
	note "killed at: $task"
}

# ---- the state ----

# What a roll-out decides about peers: keys, endpoints, allowed IPs, keepalive. An endpoint may roam.
peers() { # peers NODE
	ns "$1" weft show prod dump | awk -F '\t' 'NR > 1 { print $1, $2, $4, $8 }' | sort
}

all_peers() { # all_peers NODE...
	local node

	for node; do
		echo "$node:"
		peers "$node"
	done
}

public_keys() { # public_keys NODE...
	local node

	for node; do
		ns "$node" weft show prod public-key
	done
}

pings_pass() { # pings_pass NODE...: from each to each other
	local from to pids=()

	for from; do
		for to; do
			[ "$from" = "$to" ] || { ns "$from" ping -n -q -c 1 -W 10 "$(inside "$to")" >/dev/null & pids+=($!); }
		done
	done
	for to in "${pids[@]}"; do
		wait "$to"
	done
}

# ---- cases ----

check_first_prediction() {
	play mesh --check --diff
	expect_eq "store" "$(find /root -path "$store*")" ""
	expect_eq "states" "$(machine ant ls /var/lib/weft)" ""
	expect_fail ns ant ip link show dev prod
	expect_ne "predicted changes" "$(recap ant changed)" 0
}

check_killed_mesh() {
	local task

	for task in "Keep the words of the inventory" "Write the fleet record, and list the store" "Choose the kind of the link" \
		"Read the node's identity and hello" "Admit the nodes that have said hello" "Note the serials" \
		"Sign the hello for the serial" "Put the hellos into the store, and write the bundle" "Apply the bundle" \
		"Stop without a fleet record"; do
		play_killed_at "$task" mesh
	done
}

check_first_run() {
	play mesh -vvv
	cp "$lib_work/play" "$lib_work/play-vvv"
	pings_pass "${nodes[@]}"
}

check_second_run() {
	play mesh
	all_unchanged "${nodes[@]}"
}

# Seeds and private keys of all nodes, as they are now.
copy_keys() {
	local node

	mkdir -p "$lib_work/copies"
	for node in "${nodes[@]}"; do
		machine "$node" cat /var/lib/weft/prod/self >"$lib_work/copies/self-$node"
		ns "$node" weft show prod private-key >"$lib_work/copies/private-$node"
	done
}

find_keys() { # find_keys PLACE...
	python3 "$fleet_dir/find_keys.py" "$lib_work"/copies/* -- "$@"
}

# Of all of its processes, while they stand still in that task.
search_memory() { # search_memory TASK
	local status=0

	wait_for 300 is_named "$1" "$(ns_output play)"
	# The second time for those that began at the first.
	play_signal STOP
	play_signal STOP
	copy_keys
	# shellcheck disable=SC2046 # a list
	find_keys $(pgrep -f "weft[.]fleet[.]$played" | sed 's/^/@/') >"$lib_work/found" || status=$?
	play_signal CONT
	note "at $1: $(tail -n 1 "$lib_work/found")"
	[ $status = 0 ] || { cat "$lib_work/found"; return 1; }
}

check_secrets() {
	copy_keys
	mkdir "$lib_work/planted"
	{ printf 'some text '; base64 -d <"$lib_work/copies/private-ant"; } >"$lib_work/planted/file"
	expect_fail find_keys "$lib_work/planted"
	find_keys "$lib_work/play-vvv" /root /run/fleet /var/tmp
	rm -rf "$lib_work/copies" "$lib_work/planted"
}

# The keys that a rotation makes are known at its end only: there they would still be in what a host has answered.
check_memory() {
	copy_keys
	play_begin status -e planted="$(cat "$lib_work/copies/private-ant")"
	expect_fail search_memory "Read the state of the fleet"
	expect_match "places" "$(cat "$lib_work/found")" "a private key is in the memory of .*weft[.]fleet[.]status"
	play_end
	# As bytes, in a process that has no other form of it.
	base64 -d <"$lib_work/copies/private-ant" >"$lib_work/raw"
	ns_run planted ctl python3 -c "import signal; key = open('$lib_work/raw', 'rb').read(); open('$lib_work/holds', 'w'); signal.pause()"
	wait_for 20 test -e "$lib_work/holds"
	expect_fail find_keys "@$(cat "$lib_work/runs/planted.pid")"
	ns_stop planted
	rm "$lib_work/raw"
	play_begin mesh
	search_memory "Apply the bundle"
	search_memory "Remove the copy of the store"
	play_end
	play_begin rotate
	search_memory "Change over to the next key"
	search_memory "Drop the previous key"
	search_memory "Remove the copy of the store"
	play_end
	rm -rf "$lib_work/copies"
}

check_prediction() {
	local before node

	before=$(all_peers "${nodes[@]}"; find $store -type f -exec sha256sum {} + | sort)
	sed -i 's,10.9.2.0/24,10.9.22.0/24,' "$inventory"
	play mesh --check --diff
	expect_eq "state" "$(all_peers "${nodes[@]}"; find $store -type f -exec sha256sum {} + | sort)" "$before"
	expect_match "prediction" "$(cat "$lib_work/play")" "10\.9\.22\.0/24"
	expect_ne "predicted changes" "$(recap ant changed)" 0
	# In batches of two hosts.
	play mesh -e weft_serial=2
	# On elk's link the list is replaced, on others one prefix is removed.
	for node in ant cow dog elk; do
		expect_match "peers of $node" "$(peers "$node")" "10\.9\.22\.0/24"
		expect_fail grep -q "10\.9\.2\.0/24" <(peers "$node")
	done
}

check_limit() {
	local before others=(bee cow dog elk)

	before=$(all_peers "${others[@]}")
	play mesh --limit ant -e weft_mtu=1400
	expect_eq "peers of the others" "$(all_peers "${others[@]}")" "$before"
	expect_eq "peers of ant" "$(peers ant | wc -l)" 4
	pings_pass "${nodes[@]}"
	play mesh
	play mesh
	all_unchanged "${nodes[@]}"
}

# The SSH port is closed; the tunnel goes on.
check_unreachable() {
	local before status

	before=$(all_peers "${nodes[@]}")
	ns dog nft -f - <<-END
		table inet fleet { chain fleet { type filter hook input priority 0; tcp dport 22 reject with tcp reset; }; }
	END
	defer ns dog nft delete table inet fleet
	rm -rf /root/.ansible/cp
	status=$(play_status mesh)
	expect_eq "status" "$status" 4
	expect_eq "unreachable" "$(recap dog unreachable)" 1
	all_unchanged ant bee cow elk
	expect_eq "peers" "$(all_peers "${nodes[@]}")" "$before"
	pings_pass "${nodes[@]}"
	# No key changes while a node cannot learn the next ones.
	before=$(public_keys "${nodes[@]}")
	status=$(play_status rotate)
	expect_ne "status of the rotation" "$status" 0
	expect_match "reason" "$(cat "$lib_work/play")" "no key changes.*dog"
	expect_eq "keys" "$(public_keys "${nodes[@]}")" "$before"
}

start_pings() {
	local from to

	for from in "${weft_nodes[@]}"; do
		for to in "${weft_nodes[@]}"; do
			[ "$from" = "$to" ] || ns_run "ping-$from-$to" "$from" ping -n -i 0.1 "$(inside "$to")"
		done
	done
}

stop_pings() {
	local from to sent

	for from in "${weft_nodes[@]}"; do
		for to in "${weft_nodes[@]}"; do
			[ "$from" = "$to" ] || pings_stop "ping-$from-$to"
		done
	done
	sent=$(cat "$lib_work"/runs/ping-*.output | grep -c 'time=')
	note "$sent pings answered"
	expect_gt "pings" "$sent" 1000
}

# The rotation that the unreachable node has stopped goes on; each later run begins anew.
check_rotation() {
	local before

	before=$(public_keys "${nodes[@]}" | sort)
	start_pings
	play rotate
	stop_pings
	expect_eq "keys that have stayed" "$(public_keys "${nodes[@]}" | sort | comm -12 - <(printf '%s\n' "$before"))" ""
	pings_pass "${nodes[@]}"
	play mesh
	all_unchanged "${nodes[@]}"
}

rotations() {
	local node

	for node in "${nodes[@]}"; do
		machine "$node" weft -j fleet hello prod | sed -n 's/.*"rotation": *"\(.*\)".*/\1/p'
	done
}

check_killed_rotation() {
	local before task collect="Put the hellos into the store, and write the bundle"

	before=$(public_keys "${nodes[@]}" | sort)
	start_pings
	for task in "Read the node's rotation" "Choose the rotation" "Announce the next key" "$collect" "Apply the bundle" \
		"Stop where a node has not applied" "Change over to the next key" "Change over to the next key > $collect" \
		"Change over to the next key > Apply the bundle" "Drop the previous key" "Drop the previous key > $collect" \
		"Drop the previous key > Apply the bundle"; do
		play_killed_at "$task" rotate
	done
	play rotate -e weft_rotation_id=last
	stop_pings
	expect_eq "rotations" "$(rotations | sort -u)" none
	expect_eq "keys that have stayed" "$(public_keys "${nodes[@]}" | sort | comm -12 - <(printf '%s\n' "$before"))" ""
	pings_pass "${nodes[@]}"
}

# A node whose Python adds facts to its answers would choose the controller's paths. It fails, and no other node.
check_facts() {
	local status

	machine dog tee /root/python >/dev/null <<-'END'
		#!/bin/sh
		/usr/bin/python3 "$@" | sed 's,^{,{"ansible_facts": {"weft_store": "/root/taken"}\, ,'
	END
	machine dog chmod 755 /root/python
	echo "dog ansible_python_interpreter=/root/python" >"$lib_work/taken.ini"
	status=$(play_status mesh -i "$lib_work/taken.ini")
	expect_eq "status" "$status" 2
	expect_match "reason" "$(cat "$lib_work/play")" "dog has returned facts"
	expect_eq "failed" "$(recap dog failed)" 1
	all_unchanged ant bee cow elk
	expect_eq "the store that it named" "$(find /root -name 'taken*')" ""
}

wg_quick_file() { # wg_quick_file NODE PEER
	cat <<-END
		[Interface]
		PrivateKey = $(cat "$(key_file "old.$1")")
		ListenPort = 51900
		Address = 10.8.0.${number[$1]}/24
		[Peer]
		PublicKey = $(public_key "old.$2")
		Endpoint = $(underlay "$2"):51900
		AllowedIPs = 10.8.0.${number[$2]}/32
	END
}

old_handshakes() {
	ns ant weft show old latest-handshakes
	ns bee weft show old latest-handshakes
}

# Two servers of wg-quick become a fleet, with their keys and their sessions. bee's link is one of the kernel's own WireGuard.
check_import() {
	local node before inventory=$lib_work/old.yml words

	words=(-i "$lib_work/old.ini" -e ansible_user=root -e weft_store=/root/old -e weft_install=none -e weft_service=
		-e weft_private_key_file=/root/old.conf -e weft_allow_wireguard=true)
	new_key old.ant
	new_key old.bee
	wg_quick_file ant bee >"$lib_work/old-ant"
	wg_quick_file bee ant >"$lib_work/old-bee"
	ns_ip bee link add old type wireguard
	for node in ant bee; do
		machine "$node" tee /root/old.conf <"$lib_work/old-$node" >/dev/null
		machine "$node" weft up /root/old.conf
		defer ns_ip "$node" link del old
		echo "$node ansible_host=$(underlay "$node")"
	done >"$lib_work/old.ini"
	wait_for 10 ns ant ping -n -q -c 1 -W 2 10.8.0.2
	before=$(old_handshakes)
	weft fleet import old ant="$lib_work/old-ant" bee="$lib_work/old-bee" >"$inventory"
	play mesh "${words[@]}"
	expect_eq "keys" "$(ns ant weft show old public-key) $(ns bee weft show old public-key)" "$(public_key old.ant) $(public_key old.bee)"
	ns ant ping -n -q -c 1 -W 5 10.8.0.2
	expect_eq "handshakes" "$(old_handshakes)" "$before"
	play mesh "${words[@]}"
	all_unchanged ant bee
	play rotate "${words[@]}"
	expect_ne "key after a rotation" "$(ns ant weft show old public-key)" "$(public_key old.ant)"
	# With a link that has one key at a time the sessions are made anew.
	wait_for 30 ns ant ping -n -q -c 1 -W 2 10.8.0.2
	play mesh "${words[@]}"
	all_unchanged ant bee
}

check_status() {
	play status
	expect_eq "nodes with four sessions" "$(grep -c '5 nodes, 4 of 4 peers have a session' "$lib_work/play")" 5
}

check_revocation() {
	local key status node

	key=$(ns dog weft show prod public-key)
	play revoke -e weft_revoke=dog
	for node in ant bee cow elk; do
		expect_eq "peers of $node" "$(peers "$node" | wc -l)" 3
		expect_fail grep -qF "$key" <(peers "$node")
	done
	expect_fail ns dog ping -n -q -c 2 -i 0.2 -W 2 "$(inside ant)"
	pings_pass ant bee cow elk
	# Its line in the inventory is no readmission.
	status=$(play_status mesh)
	expect_eq "status" "$status" 2
	expect_match "reason" "$(cat "$lib_work/play")" "dog is revoked"
	expect_eq "peers of ant" "$(peers ant | wc -l)" 3
}

fleet_case() { # fleet_case NAME FUNCTION
	[ -z "${CASES-}" ] || [[ " $CASES " == *" ${2#check_} "* ]] || return 0
	run_case "$@"
}

start_fleet
fleet_case "check mode before the first run: nothing is made, and the run is predicted" check_first_prediction
fleet_case "the first run is killed at ten moments" check_killed_mesh
fleet_case "the first run builds the mesh, with a stock member: every pair pings" check_first_run
fleet_case "no private key is on the controller, or in its output at -vvv" check_secrets
fleet_case "the second run changes nothing" check_second_run
fleet_case "no private key is in the memory of a run" check_memory
fleet_case "check mode after a change of the inventory: nothing changes, and the run then does as predicted" check_prediction
fleet_case "--limit to one host: no other node's peers change" check_limit
fleet_case "an unreachable host: no node loses a peer, and no key changes" check_unreachable
fleet_case "all keys are rotated, and no packet is lost" check_rotation
fleet_case "a rotation that is killed at twelve moments ends right, and no packet is lost" check_killed_rotation
fleet_case "the nodes agree about the state" check_status
fleet_case "a node that returns facts fails, alone" check_facts
fleet_case "servers of wg-quick become a fleet, with their keys and sessions" check_import
fleet_case "a revoked node is out at all others, and stays out" check_revocation
