#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Messages that fuzz_netlink builds by the policy and spoils, of both families, from several processes, while dumps are
# read and aborted, and one device is added and removed. Other tunnels keep working; afterwards the devices can be set
# up, report their settings, and pass packets, and their memory is freed.
#
#	 namespace f                                          namespace e
#	 wf0, wf1 of kind weft, compat0 of kind wireguard;    wt0 10.8.0.2
#	 wf2 comes and goes                                   ue 198.51.100.2
#	 uf 198.51.100.1 ------------------- veth ------------+
#	 d0 192.0.2.1 2001:db8::1, where made-up peers are    namespaces a and b: a pair that pings
# vm: smp
# kernel: rcupdate.rcu_expedited=1
# timeout: 7200
. "$(dirname "$0")/../kselftest/lib.sh"
. "$(dirname "$0")/fuzz.sh"

skip_unless_weft
programs_needed fuzz_netlink
rmmod weft
modprobe weft compat=1 2>/dev/null || skip "the in-tree module is in the way"
pair_create
ns_create e f
veth_link e ue f uf
addr_add e ue 198.51.100.2/24
addr_add f uf 198.51.100.1/24
ns_ip f link add d0 type dummy
ns_ip f link set d0 up
addr_add f d0 192.0.2.1/24 2001:db8::1/64
# No bit turns one name into the other: settings of weft's own would stay with compat0, where no attribute resets them.
for device in wf0:weft wf1:weft compat0:wireguard; do
	ns_ip f link add "${device%:*}" type "${device#*:}"
	ns_ip f link set "${device%:*}" up
done
tunnel_create e wt0 10.8.0.2/24
new_key f.wf0
new_key f.compat0
session_up a wt0 b wt0 10.9.0.2
traffic_start a 10.9.0.2 192.0.2.2

exec {never}<> <(:)

# Commands for a single ip, until it is killed: one process for each would take longer than the requests in between.
come_and_go() { # on standard output
	while true; do
		printf '%s\n' "link add wf2 type weft" "link set wf2 up"
		read -r -t 0.2 <&"$never" || :
		echo "link del wf2"
		read -r -t 0.1 <&"$never" || :
	done
}

# Each new link of the namespace takes the next index, including the one made here.
times_made() {
	local index

	ns_ip f link add d1 type dummy
	index=$(ns_ip f -o link show d1 | cut -d: -f1)
	ns_ip f link del d1
	echo $((index - first_index))
}

said() { # said WORD: the number behind it
	awk -v word="$1" '{ for (i = 1; i < NF; i++) if ($i == word) n = $(i + 1) } END { print n + 0 }' "$lib_work/said"
}

# A fuzzer whose messages are all refused tests as little as one whose messages are all accepted.
fuzz() { # fuzz FAMILY SEED DEVICE...
	local family=$1 seed=$2 first_index

	shift 2
	first_index=0
	first_index=$(times_made)
	# modprobe would run twice for each index of a device that is absent, and take most of the time.
	defer sysctl -qw kernel.modprobe="$(cat /proc/sys/kernel/modprobe)"
	echo >/proc/sys/kernel/modprobe
	come_and_go > >(exec ip -n "$(ns_name f)" -force -batch - >/dev/null 2>&1) &
	defer kill $!
	ns f "$programs/fuzz_netlink" "$family" "$seed" $((COUNT / 2)) $((FUZZ_SECONDS / 2)) 6 wf0 wf1 wf2 "$@" >"$lib_work/said" 2>&1 ||
		fail "SEED=$SEED: $(cat "$lib_work/said")"
	note "$family: $(cat "$lib_work/said")"
	expect_gt "creations of wf2" "$(times_made)" 2
	expect_gt "messages accepted" "$(said accepted)" $(($(said sent) / 10))
	expect_gt "messages refused" "$(said refused)" $(($(said sent) / 20))
	expect_gt "dumps read" "$(said dumps)" 3
	expect ns a ping -q -n -c 3 -i 0.2 -W 20 10.9.0.2
}

# No peer is left afterwards.
settings_read_back() { # settings_read_back FAMILY DEVICE
	ns f env KIND="$1" /usr/bin/python3 "$test_dir/fuzz_netlink.py" "$2" "$SEED" || fail "SEED=$SEED"
}

passes_packets() { # passes_packets DEVICE
	ns f weft set wf0 listen-address any bind-device off pmtu off dscp off
	ns_ip f addr add 10.8.0.1/24 dev "$1"
	defer ns_ip f addr del 10.8.0.1/24 dev "$1"
	[ "$1" = wf0 ] || defer ns_ip f link set wf0 up
	[ "$1" = wf0 ] || ns_ip f link set wf0 down
	tunnel_set e wt0 peer "$(public_key "f.$1")" allowed-ips 10.8.0.1/32
	ns f weft set "$1" private-key "$(key_file "f.$1")" listen-port 51820 fwmark 0 peer "$(public_key e.wt0)" \
		endpoint 198.51.100.2:51820 allowed-ips 10.8.0.2/32
	expect ns f ping -q -n -c 3 -i 0.2 -W 20 10.8.0.2
	transfer f e 10.8.0.2 100000
	ns f weft set "$1" peer "$(public_key e.wt0)" remove
	tunnel_set e wt0 peer "$(public_key "f.$1")" remove
}

empty() { # empty: no device has peers
	local device

	for device in wf0 wf1 compat0; do
		ns f weft setconf "$device" /dev/null
	done
}

fuzz_family() { # fuzz_family NUMBER FAMILY [DEVICE]
	local number=$1 family=$2

	shift 2
	fuzz "$family" $((SEED * 2 + number)) "$@"
	empty
	set_value "memory$number" "$(memory_kb)"
}

memory_returns() {
	local room=8192

	[ "$SLOW" = 1 ] || room=$((room + $(awk '/^MemTotal:/ { print int($2 / 32) }' /proc/meminfo)))
	note "$(value memory0) kB of the kernel's memory after one half, $(value memory1) kB after the other"
	expect_le "growth of the memory in kB" $(($(value memory1) - $(value memory0))) $room
}

run_case "mutated messages of the family weft" fuzz_family 0 weft
run_case "a device reports its settings" settings_read_back weft wf0
run_case "the device passes packets" passes_packets wf0
run_case "mutated messages of the family wireguard" fuzz_family 1 wireguard compat0
run_case "a wireguard device reports its settings" settings_read_back wireguard compat0
run_case "the wireguard device passes packets" passes_packets compat0
run_case "memory is freed" memory_returns
run_case "another tunnel keeps working" traffic_check $((2 + SLOW))
