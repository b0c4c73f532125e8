#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by every test. A test is a bash script in this folder about one topic, which runs as root in a VM (see
# run/vm/boot.sh) or under kselftest. Its output is TAP; its status is 0, 1 for a failure, 4 for a skipped test.
#
#   #!/bin/bash
#   # SPDX-License-Identifier: GPL-2.0
#   #
#   # <the tested property, and a drawing of the topology>
#   # series: 6.1                         optional: the kernels of make check, in place of 6.1 and 6.12
#   # vm: smp                             optional: two CPUs in real time instead of icount
#   # vm: icount                          optional: long waits; on debug kernels, too, where others have two CPUs
#   # not on uml: no hotplug of CPUs      optional: cannot run with Linux as a program, with the reason
#   # kernel: ipv6.disable=1              optional: an argument of the kernel's command line, in a VM of its own
#   # packages: etcd-server             optional: of Debian; their programs are in the machine, too
#   # timeout: 900                        optional: guest seconds, in place of those in settings
#   . "$(dirname "$0")/lib.sh"
#
#   pair_create                           # set-up outside of cases: a failure ends the test
#   check_ping() { ns a ping -c 1 -W 5 10.9.0.2; }
#   run_case "ping over v4" check_ping
#
# The implementation under test: KIND is the link kind (weft, or wireguard to verify the tests themselves), WEFT the
# command that configures it (weft, or wg).
#
# Cases
#   run_case NAME FUNCTION [ARGS...]      runs FUNCTION in a subshell under errexit: the first command that fails fails
#                                         the case. Deferred commands run when the case ends. Variables it sets
#                                         are lost; use set_value/value to pass a value on.
#   fail WORDS...                         ends the case (or the test) as failed; within $( ) the case fails at its end
#   skip WORDS...                         within a case: ends it as skipped; outside: skips the whole test
#   skip_unless_weft                      skips unless KIND is weft
#   skip_unless_readable                  skips unless the kernel's own objects can be read
#   note WORDS...                         a diagnostic line
#   defer COMMAND [ARGS...]               runs at the end of the case or test, latest first
#   set_value NAME VALUE; value NAME      kept in a file
#   attempt COMMAND...                    runs it in a subshell; a failure there does not fail the case
#
# Expectations (each ends the case with the actual value when it does not hold)
#   expect COMMAND...                     succeeds
#   expect_fail COMMAND...                fails, but not by a signal
#   expect_error TEXT COMMAND...          fails with TEXT (fixed string) on standard error
#   expect_eq LABEL ACTUAL WANTED         equal as text
#   expect_ne LABEL ACTUAL UNWANTED       not equal, and not empty
#   expect_lt LABEL ACTUAL LIMIT          numbers; also expect_le, expect_ge, expect_gt. Other values fail
#   expect_between LABEL ACTUAL LOW HIGH
#   expect_match LABEL ACTUAL REGEX
#   wait_for SECONDS COMMAND...           polls until COMMAND succeeds; fails after that many (guest) seconds times SLOW
#                                         COMMAND is expanded once: a function has to read the values that it compares
#   holds_for SECONDS COMMAND...          the opposite: COMMAND must succeed all the time
#   now_ms                                monotonic clock in ms; read_uptime sets uptime_ms to the same
#   pause SECONDS                         sleeps without a process
#
# Slow kernels. SLOW is the factor by which the kernel is slower than an ordinary one: 1, and more under KASAN or KCSAN.
# Sizes are divided by it and time limits multiplied; the checks stay the same.
#   scaled NUMBER [AT_LEAST]              a size: NUMBER divided by SLOW, but not less than that (1)
#   sized NUMBER EMULATED [AT_LEAST]      a size: EMULATED where instructions are emulated, else as scaled
#   stretched SECONDS                     a limit: SECONDS times SLOW
#   late MS                               a limit for times measured by commands: MS, and an allowance for slow commands
#   skip_if_slow WHY...                   skips a case that measures speed
#
# Namespaces and links (all made here are removed at the end, and the last case checks that)
#   ns_create a b c                       network namespaces, lo up
#   ns_delete a
#   ns a COMMAND...                       runs in it; ns_name a is its real name; ns_ip a ... is ip -n
#   ns_ip_batch a COMMAND...              several commands of ip, each one argument, in one process
#   ns_run NAME a COMMAND...              in the background as NAME, output in the file `ns_output NAME` prints
#   ns_stop NAME [SIGNAL]                 ends it, and waits; ns_wait NAME waits and returns its status
#   ns_keep NAME                          it goes on after the case that started it, until its namespace is deleted
#   pings_stop NAME                       ends a ping (not a quiet one), which has lost nothing
#   veth_link a va b vb                   a veth pair between two namespaces, up
#   addr_add a DEV ADDRESS...             with nodad
#   forwarding_on a                       v4 and v6
#   wire_offloads_off a DEV b DEV         makes a veth pair behave like a wire: no GSO across, GRO at the receiver
#
# Tunnels. A tunnel is named by namespace and device everywhere: "a wt0".
#   tunnel_create a DEV [ADDRESS...]      a link of $KIND, key (that of the last of its name), listen port 51820, addresses, up
#   tunnel_create_kind KIND a DEV [ADDRESS...]     weft, wireguard or wireguard-go (a process); wireguard-go-new is the
#                                         one in the folder of boot.sh -d; go_cpus limits the CPUs of both
#   tunnel_delete a DEV
#   tunnel_kind a DEV                     prints its kind
#   tunnel_tool a DEV ARGS...             runs the right command (weft, wg) with ARGS in the namespace
#   tunnel_set a DEV ARGS...              "set DEV ARGS..."
#   tunnel_key a DEV                      its public key; tunnel_key_file a DEV: the file with the private one
#   new_key NAME                          makes a key; key_file NAME, public_key NAME
#   psk_file NAME                         makes (once) a preshared key and prints its file
#   peer_add a DEV b DEV2 ALLOWED [SET ARGS...]    on a's DEV, b's DEV2 as a peer; e.g. endpoint 192.0.2.2:51820
#   peer_set a DEV b DEV2 SET ARGS...     changes that peer;  peer_remove a DEV b DEV2
#   pair_create [KIND_A KIND_B]           a and b joined by veth (va 192.0.2.1, 2001:db8::1; vb .2, ::2), with tunnels wt0
#                                         10.9.0.1, fd09::1 and 10.9.0.2, fd09::2, peers of each other; only a has
#                                         an endpoint (v4). Also: PAIR_FAMILY=6 for v6 outside, PAIR_PSK=1.
#   pair_underlay_create                  only its namespaces, links and addresses
#   pair_tunnels_create [KIND_A KIND_B]   only the tunnels; within a case they go away with it. A wireguard-go's device
#                                         is named go0; pair_device KIND prints the name
#   session_up a DEV b DEV2 ADDRESS       pings ADDRESS from a until answered
#   program_create [SET ARGS...]          a's wt0 as in pair_create, and as its peer programs that run in b; no endpoint
#   program ACTION [ARGS...]              runs an action of the test's own NAME.py in b (lib/wgpeer.py implements the
#                                         protocol)
#   program_passed ACTION                 expects that a program that ran many actions in a row reported success of
#                                         this one; its output is the file $lib_work/program
#   flood_start SECONDS [DEV]             in b, as flood, load.py keeps a's wt0 (or DEV) under load that long; returns once it is
#   flood_stop                            ends it; fails if it has ended before, because the tunnel was not under load then
#   same_output a ARGS...                 wg and weft print the same for these arguments
#
# Counters
#   peer_field a DEV b DEV2 FIELD         from show dump: psk endpoint allowed handshake rx tx keepalive
#   device_field a DEV FIELD              private public port fwmark
#   peer_count a DEV                      number of peers
#   link_stat a DEV FIELD                 rx_packets tx_bytes rx_errors ... of the link
#   link_received a DEV BYTES             it has received more than that
#   both_receive BYTES                    waits until a's and b's wt0 have each received that many more
#   link_file a DEV FILE                  the contents of /sys/class/net/DEV/FILE there
#   ethtool_stat a DEV NAME               one counter of ethtool -S, 0 where it is not listed
#   udp_stat a NAME                       one counter of nstat (UdpInErrors, ...), absolute
#
# Captures
#   capture_start NAME a DEV [FILTER [OPTIONS...]]    returns when tcpdump listens;  capture_stop NAME. The buffer
#                                         holds 128 whole packets, and many more truncated ones (-s 128)
#   capture_count NAME [FILTER]           packets, after capture_stop
#   capture_dump NAME [FILTER [OPTIONS...]]        tcpdump's own lines (-nn -tt)
#   type_filter T                         a filter for WireGuard messages of type T (1..4) in UDP over v4 or v6;
#                                         "$(type_filter 1) and src host 192.0.2.1" composes
#   keepalive_filter                      transport messages without data
#
# Traffic
#   transfer a b ADDRESS BYTES            bytes over TCP from a to b's ADDRESS; checksums must be equal. Each call passes
#                                         8192 bytes to TCP, or BLOCK
#   streams_start; streams_stop           between a and b of pair_create, TCP both ways until then; all has to have arrived
#   udp_listen / udp_send are plain socat: ns a socat - UDP:...

set -eu -o pipefail
shopt -s inherit_errexit

KIND=${KIND:-weft}
if [ -z "${WEFT-}" ]; then
	WEFT=weft
	[ "$KIND" = weft ] || WEFT=wg
fi
export KIND WEFT LANG=C SLOW=${SLOW:-1}
test_name=$(basename "$0" .sh)
# shellcheck disable=SC2034 # for tests: the folder of their helpers
test_dir=$(cd "$(dirname "$0")" && pwd)
lib_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Programs of tests import from lib/.
export PYTHONPATH=$lib_dir/lib
ns_prefix=wt$$-
lib_work=$(mktemp -d)
case_number=0
case_failed=0
test_skipped=''
mkdir "$lib_work"/{keys,kinds,runs,values,captures}
mkfifo "$lib_work/never"
: >"$lib_work/deferred"
: >"$lib_work/skip-reason"
# The file for the words of `fail`: each case has one of its own, and so has each poll of wait_for.
marks=$lib_work/failures
: >"$marks"
exec {lib_out}>&1 {lib_never}<>"$lib_work/never"

echo "TAP version 13"

# Starting a process costs an emulated machine millions of instructions: frequently called functions avoid that, and read
# small files by `read`.

# ---- cases ----

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# Within $( ) or a pipeline `exit` ends only a subshell, and its status may be lost: run_case reads the marks.
fail() {
	printf '%s\n' "$*" >>"$marks"
	note "failed: $*"
	exit 1
}

without_marks() { # without_marks COMMAND...: its failures do not fail the case
	local marks=$lib_work/without_marks

	"$@"
}

attempt() ( # attempt COMMAND...
	without_marks "$@"
)

skip() {
	printf '%s\n' "$*" >"$lib_work/skip-reason"
	exit 4
}

skip_unless_weft() {
	[ "$KIND" = weft ] || skip "$KIND does not have this feature"
}

skip_unless_readable() {
	python3 "$lib_dir/lib/memory.py" || skip "/proc/kcore does not show this kernel's memory, or is not readable"
}

defer() {
	printf '%q ' "$@" >>"$lib_work/deferred"
	echo >>"$lib_work/deferred"
}

# Latest first, down to the given number of lines; a clean-up that fails does not keep the others from running.
undo_deferred() { # undo_deferred KEEP
	local keep=$1 line lines

	mapfile -t lines <"$lib_work/deferred"
	for ((line = ${#lines[@]} - 1; line >= keep; line--)); do
		eval "${lines[line]}" >/dev/null 2>&1 </dev/null || true
	done
	: >"$lib_work/deferred"
	[ "$keep" = 0 ] || printf '%s\n' "${lines[@]:0:keep}" >"$lib_work/deferred"
}

set_value() {
	printf '%s\n' "$2" >"$lib_work/values/$1"
}

value() {
	cat "$lib_work/values/$1"
}

report_case() { # report_case STATUS NAME
	case_number=$((case_number + 1))
	case $1 in
	0)
		echo "ok $case_number - $2"
		;;
	4)
		echo "ok $case_number - $2 # SKIP $(<"$lib_work/skip-reason")"
		;;
	*)
		case_failed=$((case_failed + 1))
		echo "not ok $case_number - $2"
		;;
	esac
}

# Failures that the output does not show: within $( ), or in the last poll of wait_for.
hidden_failures() {
	local words

	cat "$marks"* | while IFS= read -r words; do
		grep -qF -- "$words" "$lib_work/case-output" 2>/dev/null || printf '# failed within: %s\n' "$words"
	done
	rm -f "$marks".*
}

# Only skip() skips: other commands may also end with status 4. A failure may have been lost in a subshell.
judge() { # judge STATUS: sets status
	status=$1
	if [ "$status" = 4 ] && [ ! -s "$lib_work/skip-reason" ]; then
		echo "# status 4 without skip"
		status=1
	elif [ -s "$marks" ]; then
		status=1
	fi
	[ "$status" = 0 ] || [ "$status" = 4 ] || hidden_failures
}

# The status is read outside of any condition: within one, bash would ignore errexit.
run_case() { # run_case NAME FUNCTION [ARGS...]
	local name=$1 status deferred marks=$lib_work/case-failures

	shift
	: >"$marks"
	: >"$lib_work/skip-reason"
	mapfile -t deferred <"$lib_work/deferred"
	set +e
	(
		set -eE
		# shellcheck disable=SC2154 # set by the trap itself
		trap 'status=$?; echo "# ${BASH_SOURCE[0]##*/}:$LINENO: status $status of: $BASH_COMMAND"' ERR
		trap - EXIT
		"$@"
	) </dev/null >"$lib_work/case-output" 2>&1
	judge $?
	if [ $status != 0 ] && [ $status != 4 ]; then
		sed -e '/^#/!s/^/# /' "$lib_work/case-output"
		diagnose
	elif [ -s "$lib_work/case-output" ]; then
		grep '^#' "$lib_work/case-output"
	fi
	undo_deferred ${#deferred[@]}
	set -e
	report_case $status "$name"
	: >"$lib_work/skip-reason"
}

# ---- diagnostics of a failure ----

diagnose() {
	local name

	for name in $(ip netns list | awk -v p="$ns_prefix" 'index($1, p) == 1 { print $1 }'); do
		echo "namespace ${name#"$ns_prefix"}:"
		ip -n "$name" -s -brief addr
		ip netns exec "$name" "$WEFT" show all
		ip -n "$name" -s link show
		ip netns exec "$name" nstat -as 2>/dev/null | awk '/Err|Drop|Discard|NoRoute|Fail|Udp/ && $2 != 0 { print $1, $2 }'
		diagnose_ethtool "$name"
	done 2>&1 | head -n 200 | sed 's/^/# /'
	for name in "$lib_work/runs"/*.output; do
		[ ! -s "$name" ] || tail -n 12 "$name" | cut -c 1-300 | sed "s,^,# $(basename "$name" .output): ,"
	done
	dmesg 2>/dev/null | tail -n 20 | sed 's/^/# dmesg: /'
}

diagnose_ethtool() { # diagnose_ethtool REAL_NAME
	local dev

	for dev in $(ip -n "$1" -brief link show type "$KIND" 2>/dev/null | awk '{ print $1 }'); do
		ip netns exec "$1" ethtool -S "${dev%@*}" 2>/dev/null | awk '$2 != 0'
	done
}

# ---- expectations ----

expect() {
	"$@" || fail "status $? of: $*"
}

expect_fail() {
	local status=0

	without_marks "$@" || status=$?
	[ $status != 0 ] || fail "should have failed: $*"
	[ $status -lt 126 ] || fail "ended with status $status: $*"
}

expect_error() {
	local text=$1 status=0

	shift
	without_marks "$@" 2>"$lib_work/stderr" || status=$?
	cat "$lib_work/stderr"
	[ $status != 0 ] || fail "should have failed: $*"
	[ $status -lt 126 ] || fail "ended with status $status: $*"
	grep -qF -- "$text" "$lib_work/stderr" || fail "did not say '$text': $*"
}

expect_eq() {
	[ "$2" = "$3" ] || fail "$1 is '$2', wanted '$3'"
}

# An empty value is that of a command that failed.
expect_ne() {
	[ -n "$2" ] || fail "$1 is empty, wanted anything but '$3'"
	[ "$2" != "$3" ] || fail "$1 is '$2', wanted anything else"
}

# `[` fails for words that are no numbers, whichever way they are compared.
expect_numbers() { # expect_numbers LABEL NUMBER...
	local what=$1 number

	shift
	for number; do
		[[ $number =~ ^-?[0-9]+$ ]] || fail "$what: '$number' is no number"
	done
}

expect_lt() {
	expect_numbers "$@"
	[ "$2" -lt "$3" ] || fail "$1 is $2, wanted less than $3"
}

expect_le() {
	expect_numbers "$@"
	[ "$2" -le "$3" ] || fail "$1 is $2, wanted at most $3"
}

expect_ge() {
	expect_numbers "$@"
	[ "$2" -ge "$3" ] || fail "$1 is $2, wanted at least $3"
}

expect_gt() {
	expect_numbers "$@"
	[ "$2" -gt "$3" ] || fail "$1 is $2, wanted more than $3"
}

expect_between() {
	expect_numbers "$@"
	[ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || fail "$1 is $2, wanted $3 to $4"
}

expect_match() {
	[[ $2 =~ $3 ]] || fail "$1 is '$2', wanted a match of '$3'"
}

read_uptime() { # sets uptime_ms
	local seconds

	read -r seconds _ </proc/uptime
	uptime_ms=$((10#${seconds/./}0))
}

now_ms() {
	read_uptime
	echo "$uptime_ms"
}

# Sleeps without a process.
pause() { # pause SECONDS
	read -rt "$1" -u "$lib_never" || true
}

# A poll that succeeds although one of its values could not be read counts as failed.
poll_holds() { # poll_holds COMMAND...
	local marks=$marks.$BASHPID

	: >"$marks"
	"$@" >/dev/null 2>&1 && [ ! -s "$marks" ]
}

# The longer a wait, the rarer its polls, each of which starts processes: every 100 ms at first, every 500 ms after four seconds.
poll_pause() { # poll_pause WAITED_MS: sets poll_ms
	poll_ms=$(($1 / 8))
	[ $poll_ms -ge 100 ] || poll_ms=100
	[ $poll_ms -le 500 ] || poll_ms=500
}

wait_for() {
	local seconds=$1 begun end poll_ms

	shift
	read_uptime
	begun=$uptime_ms
	end=$((begun + seconds * SLOW * 1000))
	until poll_holds "$@"; do
		read_uptime
		[ "$uptime_ms" -lt "$end" ] || fail "not so after $((seconds * SLOW)) s: $*"
		poll_pause $((uptime_ms - begun))
		pause "0.$poll_ms"
	done
}

holds_for() {
	local seconds=$1 end

	shift
	read_uptime
	end=$((uptime_ms + seconds * 1000))
	while [ "$uptime_ms" -lt "$end" ]; do
		"$@" >/dev/null || fail "did not hold for $seconds s: $*"
		pause 0.5
		read_uptime
	done
}

scaled() { # scaled NUMBER [AT_LEAST]
	local number=$(($1 / SLOW)) least=${2:-1}

	echo $((number > least ? number : least))
}

sized() { # sized NUMBER EMULATED [AT_LEAST]
	if [ -n "${EMULATED-}" ] && [ "$SLOW" = 1 ]; then echo "$2"; else scaled "$1" "${3:-1}"; fi
}

stretched() { # stretched SECONDS
	echo $(($1 * SLOW))
}

late() { # late MS
	echo $(($1 + (SLOW - 1) * 200))
}

skip_if_slow() { # skip_if_slow WHY...
	[ "$SLOW" = 1 ] || skip "not on so slow a kernel: $*"
}

# ---- namespaces and links ----

ns_name() {
	echo "$ns_prefix$1"
}

# Where instructions are emulated, busybox starts in half the time of util-linux's program. Of a name it would run its own
# program, so that it is given paths.
enters() { # enters PROGRAM: sets enter, program
	hash -- "$1" 2>/dev/null || true
	program=${BASH_CMDS[$1]-$1} enter=(nsenter)
	[ -z "${EMULATED-}" ] || [ "${program#*/}" = "$program" ] || enter=(busybox nsenter)
}

# Without a mount namespace of its own, which would double the cost: /sys shows the machine's first namespace.
ns() {
	local enter program

	enters "$2"
	"${enter[@]}" "--net=/run/netns/$ns_prefix$1" "$program" "${@:3}"
}

ns_ip() {
	local name=$1

	shift
	ip -n "$ns_prefix$name" "$@"
}

# All of ip's commands in one process, one per argument.
ns_ip_batch() { # ns_ip_batch NS COMMAND...
	local name=$1

	shift
	[ $# = 0 ] || ip -n "$ns_prefix$name" -batch - < <(printf '%s\n' "$@")
}

ns_create() {
	local name

	for name; do
		ip netns add "$ns_prefix$name"
		defer ns_delete "$name"
		ns_ip "$name" link set lo up
	done
}

ns_delete() {
	local pids

	pids=$(ip netns pids "$ns_prefix$1" 2>/dev/null) || return 0
	# shellcheck disable=SC2086 # a list
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
	ip netns delete "$ns_prefix$1"
}

ns_output() {
	echo "$lib_work/runs/$1.output"
}

# The status is kept in a file: a case is a subshell, and only a parent can wait.
ns_run() { # ns_run NAME NS COMMAND...
	local run=$1 name=$2 enter program

	enters "$3"
	shift 3
	rm -f "$lib_work/runs/$run".*
	(
		trap - ERR EXIT
		set +eE
		"${enter[@]}" "--net=/run/netns/$ns_prefix$name" "$program" "$@" </dev/null >"$lib_work/runs/$run.output" 2>&1 &
		echo $! >"$lib_work/runs/$run.pid"
		wait $!
		echo $? >"$lib_work/runs/$run.status"
	) </dev/null >/dev/null 2>&1 {lib_out}>&- &
	while [ ! -s "$lib_work/runs/$run.pid" ]; do
		pause 0.01
	done
	defer ns_stop "$run" KILL
}

ns_keep() { # ns_keep NAME
	sed -i "/^ns_stop $1 KILL \$/d" "$lib_work/deferred"
}

ns_wait() { # ns_wait NAME [SECONDS]
	local status

	wait_for "${2:-60}" test -s "$lib_work/runs/$1.status"
	read -r status <"$lib_work/runs/$1.status"
	return "$status"
}

ns_stop() { # ns_stop NAME [SIGNAL]
	local pid

	[ ! -s "$lib_work/runs/$1.status" ] || return 0
	read -r pid <"$lib_work/runs/$1.pid"
	kill "-${2:-TERM}" "$pid" 2>/dev/null || true
	wait_for 20 test -s "$lib_work/runs/$1.status"
}

# The last ping may be in flight at the end, on a slow machine several; all earlier ones have been answered.
pings_stop() { # pings_stop NAME
	ns_stop "$1" INT
	expect_eq "pings of $1 without an answer" "$(awk -v most=$((SLOW > 1 ? 10 : 1)) '
		/icmp_seq=[0-9]+ .*time=/ && !/DUP/ {
			match($0, /icmp_seq=[0-9]+/)
			sequence = substr($0, RSTART + 9, RLENGTH - 9) + 0
			if (sequence > last)
				last = sequence
			answered++
		}
		/packets transmitted/ { sent = $1 }
		END {
			if (!answered)
				print "all"
			else
				print last - answered + (sent - last > most ? sent - last : 0)
		}' "$(ns_output "$1")")" 0
}

veth_link() { # veth_link NS DEV NS DEV
	ip link add "$2" netns "$ns_prefix$1" type veth peer name "$4" netns "$ns_prefix$3"
	ns_ip "$1" link set "$2" up
	ns_ip "$3" link set "$4" up
}

address_commands() { # address_commands DEV ADDRESS...: sets commands
	local dev=$1 address

	shift
	commands=()
	for address; do
		case $address in
		*:*)
			commands+=("addr add $address dev $dev nodad")
			;;
		*)
			commands+=("addr add $address dev $dev")
			;;
		esac
	done
}

addr_add() { # addr_add NS DEV ADDRESS...
	local name=$1 commands

	shift
	address_commands "$@"
	ns_ip_batch "$name" "${commands[@]}"
}

forwarding_on() {
	ns "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

wire_offloads_off() { # wire_offloads_off NS DEV NS DEV: both directions
	local i args=("$@")

	for i in 0 2; do
		ns "${args[i]}" ethtool -K "${args[i + 1]}" tso off tx-udp-segmentation off tx-tcp-ecn-segmentation off \
			tx-tcp-mangleid-segmentation off tx-tcp6-segmentation off gro on
	done
}

# ---- tunnels ----

key_file() {
	echo "$lib_work/keys/$1"
}

public_key() {
	local key

	read -r key <"$lib_work/keys/$1.pub"
	echo "$key"
}

new_key() { # new_key NAME
	umask 077
	wg genkey >"$lib_work/keys/$1"
	umask 022
	wg pubkey <"$lib_work/keys/$1" >"$lib_work/keys/$1.pub"
}

psk_file() { # psk_file NAME
	local file=$lib_work/keys/$1.psk

	[ -e "$file" ] || (umask 077; wg genpsk >"$file")
	echo "$file"
}

tunnel_key() {
	public_key "$1.$2"
}

tunnel_key_file() {
	key_file "$1.$2"
}

tunnel_kind() {
	local kind

	read -r kind <"$lib_work/kinds/$1.$2"
	echo "$kind"
}

tunnel_tool() { # tunnel_tool NS DEV ARGS...
	local name=$1 kind tool=wg

	read -r kind <"$lib_work/kinds/$1.$2"
	[ "$kind" != weft ] || tool=weft
	[ "$kind" != "$KIND" ] || tool=$WEFT
	shift 2
	ns "$name" "$tool" "$@"
}

tunnel_set() { # tunnel_set NS DEV ARGS...
	local name=$1 dev=$2

	shift 2
	tunnel_tool "$name" "$dev" set "$dev" "$@"
}

# A kind may have a suffix: a newer version than the release's.
is_wireguard_go() { # is_wireguard_go KIND
	[[ $1 == wireguard-go* ]]
}

# wireguard-go's control sockets are files: the device's name has to be unique among all namespaces of the test.
start_wireguard_go() { # start_wireguard_go KIND NS DEV
	local program=wireguard-go

	[ "$1" = wireguard-go ] || program=$lib_dir/../../programs/$1
	shift
	mkdir -p /dev/net /run/wireguard
	[ -e /dev/net/tun ] || { modprobe tun; mknod /dev/net/tun c 10 200; } 2>/dev/null || true
	ns_run "wireguard-go.$1.$2" "$1" env WG_PROCESS_FOREGROUND=1 \
		${go_cpus:+taskset -c "$go_cpus"} "$program" -f "$2"
	wait_for 30 test -S "/run/wireguard/$2.sock"
}

tunnel_create_kind() { # tunnel_create_kind KIND NS DEV [ADDRESS...]
	local kind=$1 name=$2 dev=$3 commands

	shift 3
	if is_wireguard_go "$kind"; then
		start_wireguard_go "$kind" "$name" "$dev"
	else
		ns_ip "$name" link add "$dev" type "$kind"
	fi
	echo "$kind" >"$lib_work/kinds/$name.$dev"
	defer tunnel_delete "$name" "$dev"
	[ -e "$lib_work/keys/$name.$dev" ] || new_key "$name.$dev"
	tunnel_set "$name" "$dev" listen-port 51820 private-key "$(tunnel_key_file "$name" "$dev")"
	address_commands "$dev" "$@"
	ns_ip_batch "$name" "${commands[@]}" "link set $dev up"
}

tunnel_create() {
	tunnel_create_kind "$KIND" "$@"
}

tunnel_delete() { # tunnel_delete NS DEV
	if is_wireguard_go "$(tunnel_kind "$1" "$2")"; then
		ns_stop "wireguard-go.$1.$2"
	else
		ns_ip "$1" link del "$2"
	fi
}

peer_set() { # peer_set NS DEV NS2 DEV2 SET ARGS...
	local name=$1 dev=$2 key

	read -r key <"$lib_work/keys/$3.$4.pub"
	shift 4
	tunnel_set "$name" "$dev" peer "$key" "$@"
}

peer_add() { # peer_add NS DEV NS2 DEV2 ALLOWED [SET ARGS...]
	local where=("${@:1:4}") allowed=$5

	shift 5
	peer_set "${where[@]}" allowed-ips "$allowed" "$@"
}

peer_remove() { # peer_remove NS DEV NS2 DEV2
	peer_set "$@" remove
}

# wireguard-go and the kernel's devices must not share a name: wg would confuse them.
pair_device() { # pair_device KIND
	if is_wireguard_go "$1"; then echo go0; else echo wt0; fi
}

pair_underlay_create() {
	local commands

	ns_create a b
	ip link add va netns "${ns_prefix}a" type veth peer name vb netns "${ns_prefix}b"
	address_commands va 192.0.2.1/24 2001:db8::1/64
	ns_ip_batch a "${commands[@]}" "link set va up"
	address_commands vb 192.0.2.2/24 2001:db8::2/64
	ns_ip_batch b "${commands[@]}" "link set vb up"
}

pair_tunnels_create() { # pair_tunnels_create [KIND_A KIND_B]
	local kind_a=${1:-$KIND} kind_b=${2:-$KIND} endpoint=192.0.2.2:51820 psk_args=() dev_a dev_b

	[ "${PAIR_FAMILY:-4}" = 4 ] || endpoint='[2001:db8::2]:51820'
	[ -z "${PAIR_PSK-}" ] || psk_args=(preshared-key "$(psk_file pair)")
	dev_a=$(pair_device "$kind_a")
	dev_b=$(pair_device "$kind_b")
	tunnel_create_kind "$kind_a" a "$dev_a" 10.9.0.1/24 fd09::1/64
	tunnel_create_kind "$kind_b" b "$dev_b" 10.9.0.2/24 fd09::2/64
	peer_add a "$dev_a" b "$dev_b" 10.9.0.2/32,fd09::2/128 endpoint "$endpoint" "${psk_args[@]}"
	peer_add b "$dev_b" a "$dev_a" 10.9.0.1/32,fd09::1/128 "${psk_args[@]}"
}

pair_create() { # pair_create [KIND_A KIND_B]
	pair_underlay_create
	pair_tunnels_create "$@"
}

session_up() { # session_up NS DEV NS2 DEV2 ADDRESS
	wait_for 30 ns "$1" ping -n -c 1 -W 1 "$5"
	expect_ne "latest handshake" "$(peer_field "$1" "$2" "$3" "$4" handshake)" 0
}

# ---- a program as the peer ----

program_create() { # program_create [SET ARGS...]
	tunnel_create a wt0 10.9.0.1/24 fd09::1/64
	new_key b.program
	peer_add a wt0 b program 10.9.0.2/32,fd09::2/128 "$@"
}

program() { # program ACTION [ARGS...]
	ns b env KEY_FILE="$(key_file b.program)" TUNNEL_KEY="$(tunnel_key a wt0)" TUNNEL_NS="$(ns_name a)" \
		/usr/bin/python3 "$test_dir/$test_name.py" "$@"
}

flooded() {
	grep -q loaded "$(ns_output flood)"
}

# A tunnel is under load from 512 queued messages on, one of wireguard-go from 128 on. On a slow machine more of them delay
# an answer beyond the 5 s after which the initiator has dropped its handshake.
flood_start() { # flood_start SECONDS [DEV]
	local waiting=720

	is_wireguard_go "$(tunnel_kind a "${2:-wt0}")" && waiting=300
	new_key b.program
	ns_run flood b env KEY_FILE="$(key_file b.program)" TUNNEL_KEY="$(tunnel_key a "${2:-wt0}")" TUNNEL_NS="$(ns_name a)" \
		/usr/bin/python3 "$lib_dir/lib/load.py" load_for "$(stretched "$1")" "$waiting"
	wait_for 30 flooded
}

flood_stop() {
	[ ! -s "$lib_work/runs/flood.status" ] || fail "the flood has ended: $(tail -n 3 "$(ns_output flood)")"
	ns_stop flood
}

program_passed() { # program_passed ACTION
	expect_eq "$1" "$(sed -n "s/^$1: //p" "$lib_work/program")" "passed"
}

# ---- weft(8) beside wg(8) ----

# Ages grow between two calls: only a lasting difference counts.
same_output() { # same_output NS ARGS...
	local name=$1 try tries=$((5 * SLOW))

	shift
	for ((try = 0; try < tries; try++)); do
		ns "$name" wg "$@" >"$lib_work/wg.out"
		ns "$name" weft "$@" >"$lib_work/weft.out"
		cmp -s "$lib_work/wg.out" "$lib_work/weft.out" && return
	done
	diff "$lib_work/wg.out" "$lib_work/weft.out" | head -n 10
	fail "weft $* differs from wg $* after $tries tries"
}

# ---- counters ----

# Numbered as in `show dump`: a device's line has four fields, a peer's eight.
declare -A field_numbers=([private]=0 [key]=0 [public]=1 [psk]=1 [port]=2 [endpoint]=2 [fwmark]=3 [allowed]=3
	[handshake]=4 [rx]=5 [tx]=6 [keepalive]=7)

peer_field() { # peer_field NS DEV NS2 DEV2 FIELD
	local key number=${field_numbers[$5]-} fields

	[ -n "$number" ] || fail "'$5' is no field of show dump"
	read -r key <"$lib_work/keys/$3.$4.pub"
	while IFS=$'\t' read -ra fields; do
		if [ "${fields[0]}" = "$key" ] && [ ${#fields[@]} = 8 ]; then
			echo "${fields[number]}"
			return
		fi
	done < <(tunnel_tool "$1" "$2" show "$2" dump)
	fail "$1's $2 has no peer $key"
}

device_field() { # device_field NS DEV FIELD
	local fields

	IFS=$'\t' read -ra fields < <(tunnel_tool "$1" "$2" show "$2" dump)
	echo "${fields[${field_numbers[$3]}]}"
}

peer_count() { # peer_count NS DEV
	tunnel_tool "$1" "$2" show "$2" dump | awk 'END { print NR - 1 }'
}

link_file() { # link_file NS DEV FILE
	ip netns exec "$ns_prefix$1" cat "/sys/class/net/$2/$3"
}

link_stat() { # link_stat NS DEV FIELD
	link_file "$1" "$2" "statistics/$3"
}

link_received() { # link_received NS DEV BYTES
	[ "$(link_stat "$1" "$2" rx_bytes)" -gt "$3" ]
}

both_receive() { # both_receive BYTES
	local name

	for name in a b; do
		wait_for 30 link_received "$name" wt0 $(($(link_stat "$name" wt0 rx_bytes) + $1))
	done
}

ethtool_stat() { # ethtool_stat NS DEV NAME
	ns "$1" ethtool -S "$2" | awk -v name="$3:" '$1 == name { v = $2 } END { print v + 0 }'
}

udp_stat() { # udp_stat NS NAME
	ns "$1" nstat -asz "$2" | awk -v name="$2" '$1 == name { v = $2 } END { print v + 0 }'
}

# ---- captures ----

# Either family's UDP payload: BPF's udp[] stops at IPv4.
payload_filter() { # payload_filter CONDITION: @ stands for the payload's first byte
	local v4=${1//@\[/udp[8+} v6=${1//@\[/ip6[48+}

	echo "((ip and udp and $v4) or (ip6 and ip6[6] = 17 and $v6))"
}

type_filter() { # type_filter TYPE
	payload_filter "@[0:4] = $(($1 << 24))"
}

keepalive_filter() {
	echo "((ip and udp and udp[8:4] = 0x04000000 and udp[4:2] = 40) or (ip6 and ip6[6] = 17 and ip6[48:4] = 0x04000000 and ip6[4:2] = 40))"
}

capture_start() { # capture_start NAME NS DEV [FILTER [OPTIONS...]]
	ns_run "tcpdump.$1" "$2" tcpdump --immediate-mode -B 32768 -U -n "${@:5}" -i "$3" -w "$lib_work/captures/$1" -Z root "${4-}"
	wait_for 30 grep -q 'listening on' "$(ns_output "tcpdump.$1")"
}

# tcpdump ends once it has read all captured packets: the pause covers one pass of its loop.
capture_stop() { # capture_stop NAME
	pause 0.2
	ns_stop "tcpdump.$1" INT
}

capture_dump() { # capture_dump NAME [FILTER [OPTIONS...]]
	tcpdump -nn -tt "${@:3}" -Z root -r "$lib_work/captures/$1" "${2-}" 2>"$lib_work/tcpdump-errors" ||
		fail "tcpdump: $(cat "$lib_work/tcpdump-errors")"
}

capture_count() { # capture_count NAME [FILTER]
	local lines

	lines=$(capture_dump "$@")
	[ -n "$lines" ] && mapfile -t lines <<<"$lines" || lines=()
	echo ${#lines[@]}
}

# ---- traffic ----

tcp_listening() { # tcp_listening NS PORT
	local line

	read -r line < <(ns "$1" ss -Htln "sport = :$2")
}

# A random megabyte over and over, each time with its number before it: all of it random would cost the emulator more than
# to carry it, and so would a cryptographic checksum.
transfer_data() { # transfer_data BYTES
	local number block=$lib_work/transfer-block

	head -c 1000000 /dev/urandom >"$block"
	for ((number = 0; number * 1000000 < $1; number++)); do
		echo "$number"
		cat "$block"
	done >"$lib_work/transfer"
	truncate -s "$1" "$lib_work/transfer"
	rm "$block"
}

transfer() { # transfer NS_FROM NS_TO ADDRESS BYTES [PORT]
	local port=${5:-7007} host=$3 sent got data

	case $host in
	*:*)
		host="[$host]"
		;;
	esac
	data=$lib_work/transfer
	transfer_data "$4"
	sent=$(cksum <"$data")
	ns_run "sink.$port" "$2" sh -c "socat -u TCP6-LISTEN:$port,reuseaddr,ipv6only=0 - | cksum"
	wait_for 20 tcp_listening "$2" "$port"
	ns "$1" socat -u -b "${BLOCK:-8192}" "FILE:$data" "TCP:$host:$port"
	ns_wait "sink.$port" 120
	got=$(cat "$(ns_output "sink.$port")")
	rm -f "$data"
	expect_eq "checksum of the received data" "$got" "$sent"
}

# A program at each end of pair_create's tunnel sends until the test stops it, and then both checksums must be equal.
stream() { # stream NAME FROM TO ADDRESS PORT
	ns_run "sink.$1" "$3" sh -c "socat -u TCP6-LISTEN:$5,ipv6only=0 - | cksum"
	wait_for 20 tcp_listening "$3" "$5"
	ns_run "source.$1" "$2" /usr/bin/python3 "$lib_dir/lib/stream.py" "$4" "$5" "$lib_work/streams-stop"
}

streams_start() {
	stream there a b 10.9.0.2 9001
	stream back b a fd09::1 9002
	both_receive 100000
}

streams_stop() {
	local name

	touch "$lib_work/streams-stop"
	for name in there back; do
		ns_wait source.$name 120 || fail "status $? of the source of stream $name: $(cat "$(ns_output source.$name)")"
		ns_wait sink.$name 120
		expect_eq "checksum and length of stream $name" "$(cat "$(ns_output sink.$name)")" "$(cat "$(ns_output source.$name)")"
	done
	rm "$lib_work/streams-stop"
}

# ---- the end ----

# All namespaces, processes and links of the test are gone.
leftovers() {
	ip netns list | grep -F "$ns_prefix" || true
	ip -brief link show type "$KIND" 2>/dev/null || true
	local pid

	for pid in "$lib_work"/runs/*.pid; do
		[ -e "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null && echo "process ${pid##*/}"
	done
	return 0
}

check_leftovers() {
	local left

	left=$(leftovers)
	expect_eq "leftovers" "$left" ""
}

finish() {
	local status=$?

	trap - EXIT ERR
	set +e
	judge $status
	if [ $status = 4 ] && [ $case_number = 0 ]; then
		test_skipped=$(<"$lib_work/skip-reason")
	elif [ $status != 0 ]; then
		diagnose
		report_case $status "set-up"
	fi
	undo_deferred 0
	if [ -z "$test_skipped" ]; then
		run_case "everything created is gone" check_leftovers
		echo "1..$case_number"
	else
		echo "1..0 # SKIP $test_skipped"
	fi
	rm -rf "$lib_work"
	[ -z "$test_skipped" ] || exit 4
	[ $case_failed = 0 ] || exit 1
	exit 0
}

trap finish EXIT
trap 'exit 143' TERM INT

[ "$(id -u)" = 0 ] || skip "needs root"
# In a guest of run.sh's the module has been built for this kernel; elsewhere it may not have been installed.
if ! modprobe "$KIND" 2>"$lib_work/modprobe"; then
	[ -z "${MODULE_REQUIRED-}" ] || fail "the module $KIND does not load: $(<"$lib_work/modprobe")"
	skip "no module $KIND here"
fi
