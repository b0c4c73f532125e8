#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs tests in the guest, each in a process of its own and on a freshly loaded module, and checks after each that the
# kernel log has no warning, that no namespace is left, and that the module unloads.
#
#   guest.sh TEST...       without .sh, names of tests in kselftest/, or paths in selftests/; KIND is the implementation
#                          under test: weft, wireguard, or weft-compat
#
# Its output is for run.sh:
#   start TEST
#   | <a line of the test's output>
#   check OK|BAD <what was checked after the test>
#   end TEST STATUS GUEST_MILLISECONDS
#   gcov <a line of base64>             with GCOV: gcov's counts since the last archive, as a compressed archive; the
#                                       last line is empty
set -u
cd "$(dirname "$0")/../../kselftest" || exit 1

# weft-compat: the tests use wireguard, and weft has registered that name.
if [ "${KIND:=weft}" = weft-compat ]; then
	KIND=wireguard MODULE=weft
	mkdir -p /etc/modprobe.d
	cat >/etc/modprobe.d/weft.conf <<-'END'
		options weft compat=1
		alias wireguard weft
		alias rtnl-link-wireguard weft
		alias net-pf-16-proto-16-family-wireguard weft
	END
fi
export KIND MODULE=${MODULE:-$KIND} MODULE_REQUIRED=1

default_timeout=$(sed -n 's/^timeout=//p' settings)

complaints='WARNING:|BUG:|Oops|general protection fault|possible circular|possible recursive|inconsistent lock state'
complaints+='|suspicious RCU|unreferenced object|detected stall|blocked for more than|waiting for .* to become free'
complaints+='|refcount_t|UBSAN|KASAN|KCSAN|KFENCE|scheduling while atomic|unable to handle|leaked reference'

now_ms() {
	awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

verdict() { # verdict LABEL FOUND: good if FOUND is empty
	if [ -z "$2" ]; then
		echo "check OK $1"
	else
		printf '%s\n' "$2" | head -n 60 | sed 's/^/| /'
		echo "check BAD $1"
	fi
}

is_loaded() {
	[ -d "/sys/module/$MODULE" ]
}

unload() {
	local tries=0

	# The kernel deletes a namespace and its links in the background.
	while is_loaded; do
		rmmod "$MODULE" 2>/tmp/rmmod && return
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { cat /tmp/rmmod; return; }
		sleep 0.1
	done
}

kernel_log_since() { # kernel_log_since MARK
	dmesg | awk -v mark="$1" 'found { print } index($0, mark) { found = 1 }'
}

# The folder for reports of a command with sanitizers: writable for any user, and separate from the command's output.
sanitized=/run/sanitized
install -d -m 1777 $sanitized

sanitizers_found() {
	cat $sanitized/* 2>/dev/null
	rm -f $sanitized/*
}

# kmemleak needs objects that are some seconds old, and two scans. Since these take long, one check covers all tests.
# kmemleak is disabled once it has no memory for its records.
find_leaks() {
	local leaks=/sys/kernel/debug/kmemleak

	if [ ! -w $leaks ] || grep -q kmemleak=off /proc/cmdline; then return 0; fi
	for _ in 1 2; do
		sleep 6
		echo scan >$leaks || { echo "kmemleak has given up"; dmesg | grep kmemleak; return 0; }
	done
	cat $leaks
	echo clear >$leaks
}

# KCSAN's reports, each between two double lines, include races of other parts of the kernel: reports that name
# neither the module nor its test modules are left out.
without_foreign_races() {
	awk -v module="[$MODULE" '
		/===============/ { if (race && index(report, module)) printf "%s", report; race = 0; report = ""; print; next }
		/BUG: KCSAN:/ { race = 1 }
		race { report = report $0 "\n"; next }
		{ print }'
}

# Files of debugfs have a size of 0, so that tar would store them as empty.
tell_coverage() {
	local counts=/sys/kernel/debug/gcov work=/tmp/gcov file

	rm -rf "$work"
	find $counts -name '*.gcda' | while read -r file; do
		mkdir -p "$work/${file%/*}"
		cat "$file" >"$work/$file"
	done
	echo 1 >$counts/reset
	[ ! -d "$work$counts" ] || { busybox tar -cz -C "$work$counts" . | base64 -w 4000; echo; } | sed 's/^/gcov /'
	rm -rf "$work"
}

run_test() { # run_test TEST
	local name=$1 file=./$1.sh status start limit mark

	[[ $name != */* ]] || file=../$name.sh
	limit=$(sed -n 's/^# timeout: //p' "$file")
	limit=$((${limit:-$default_timeout} * ${SLOW:-1}))
	mark="selftest $name begins"
	echo "start $name"
	echo "$mark" >/dev/kmsg
	start=$(now_ms)
	timeout --kill-after=10 "$limit" bash "$file" </dev/null 2>&1 | sed -u 's/^/| /'
	status=${PIPESTATUS[0]}
	verdict "no namespace is left" "$(ip netns list)"
	ip -all netns delete
	! is_loaded || verdict "the module unloads" "$(unload)"
	verdict "the kernel has nothing to complain about" "$(kernel_log_since "$mark" | without_foreign_races | grep -E -A 30 "$complaints")"
	verdict "the command has no faults that sanitizers find" "$(sanitizers_found)"
	[ "$name" != "$last" ] || verdict "no memory is leaked" "$(find_leaks)"
	[ -z "${GCOV-}" ] || tell_coverage
	echo "end $name $status $(($(now_ms) - start))"
}

# Each ping and tcpdump enables receive timestamps, and disables them at its end, which patches code that both CPUs
# run: an emulated CPU may execute it half patched (an int3 in netif_receive_skb_list_internal()). While one socket
# keeps timestamps enabled, no code is patched.
if [ "$(nproc)" -gt 1 ]; then
	python3 -c 'if True:
		import signal, socket
		SO_TIMESTAMP = 29
		wanting = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		wanting.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
		signal.pause()' </dev/null >/dev/null 2>&1 &
fi
last=${*: -1}
for name; do
	run_test "$name"
done
