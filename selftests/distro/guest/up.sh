#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The packages at work: the module is loaded on demand, systemd brings a tunnel up, and again after a reboot.
#
#	 this machine                                        namespace far
#	 fleet0 10.77.0.1 (weft@fleet0.service)              wt0 10.77.0.2
#	 near0 192.0.2.1 ------------ veth ------------------ far0 192.0.2.2
# shellcheck source=selftests/distro/guest/lib.sh
. "$(dirname "$0")/lib.sh"

autoloads() {
	expect test ! -e /sys/module/weft
	expect_match "metrics" "$(weft metrics)" 'weft_module_loaded 0'
	expect test ! -e /sys/module/weft
	expect ip link add probe0 type weft
	defer ip link del probe0
	expect test -e /sys/module/weft
	expect_match "the module" "$(modinfo -n weft)" /updates/dkms/weft.ko
}

is_to_restart() {
	[ "$(systemctl show -P SubState weft@fleet0)" = auto-restart ]
}

# The unit's condition is met some seconds later: systemd tries again.
restarts() {
	near_configuration /etc/weft/fleet0.conf
	sed -i '/^Address/a PreUp = test -e /run/weft-may-start' /etc/weft/fleet0.conf
	defer rm -f /run/weft-may-start
	expect systemctl start --no-block weft@fleet0
	wait_for 30 is_to_restart
	expect link_absent fleet0
	touch /run/weft-may-start
	wait_for 60 systemctl is-active --quiet weft@fleet0
	expect_ge "restarts" "$(systemctl show -P NRestarts weft@fleet0)" 1
	tunnel_works
	expect systemctl stop weft@fleet0
	expect link_absent fleet0
}

comes_up() {
	near_configuration /etc/weft/fleet0.conf
	expect systemctl enable --now weft@fleet0
	expect systemctl is-active weft@fleet0
	tunnel_works
}

resolves_meanwhile() {
	expect systemctl is-active weft-resolve.timer
	expect systemctl start weft-resolve.service
	expect_eq "the result" "$(systemctl show -P Result weft-resolve.service)" success
}

# The session survives: there is no second handshake.
reloads() {
	local before

	before=$(weft show fleet0 latest-handshakes)
	echo "PersistentKeepalive = 25" >>/etc/weft/fleet0.conf
	expect systemctl reload weft@fleet0
	expect_match "the keepalive" "$(weft show fleet0 persistent-keepalive)" '25$'
	expect_eq "the newest handshake" "$(weft show fleet0 latest-handshakes)" "$before"
	tunnel_works
}

# The package's library and the release's terminals.
watched_on_a_terminal() {
	local name output

	for name in xterm linux vt100; do
		output=$(printf q | TERM=$name script -qec "weft top fleet0" /dev/null)
		expect_match "the view on $name" "$output" 'fleet0 ..:..:..: 1 peer, 1 up.*NAME.*HANDSHAKE.*q quit'
		expect_fail grep -F "no full screen" <<<"$output"
	done
}

is_up_at_boot() {
	expect systemctl is-active weft@fleet0
	expect ip link show dev fleet0 up
	tunnel_works
}

goes_down() {
	expect systemctl disable --now weft@fleet0
	expect link_absent fleet0
	wait_for 10 timer_inactive
}

timer_inactive() {
	! systemctl is-active --quiet weft-resolve.timer
}

case $1 in
1)
	run_case "ip link add type weft loads the module" autoloads
	far_create
	unit_case "a tunnel that cannot come up yet is tried again" restarts
	unit_case "systemctl enable --now weft@fleet0 brings the tunnel up" comes_up
	unit_case "the timer that resolves names runs meanwhile" resolves_meanwhile
	run_case "weft top shows the peer on a terminal" watched_on_a_terminal
	unit_case "systemctl reload applies what is new and keeps the session" reloads
	reboot_then
	;;
2)
	far_create
	unit_case "after a reboot the tunnel is up" is_up_at_boot
	unit_case "systemctl disable --now takes it down, and the timer with it" goes_down
	rm -f /etc/weft/fleet0.conf
	;;
esac
