#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measures weft beside its peers, in virtual machines.
#
#   run.sh cost [WORD...]        instructions per byte, packet, round trip or handshake
#   run.sh profile [WORD...]     the functions that take them: by purpose, and the topmost 40
#   run.sh scale                 instructions for loading, dumping and removing many peers, memory, and lookups
#   run.sh wall                  throughput and latency in real time on two CPUs, as ratios
#   run.sh all                   all of it, a comparison of weft with its limits, and the table of what its speed has to
#                                reach, with the figures of the last native.sh
#   run.sh document              puts the figures and plots of the last "all" into the documentation
#
# A WORD is a kind, a case or a topology; without a word of a sort those with a star are measured.
#   kinds        none* wireguard* weft* wireguard-go wireguard-go-new esp-chacha esp-gcm openvpn-dco, or two with a +
#                between: weft+wireguard sends with weft and receives with wireguard
#   cases        tcp1* tcp4* udp* forward* pingpong* handshake hub
#   topologies   offloads* wire*
#
#   QUICK=1      less of everything: about 1 % less exact
#   FULL=1       also loads 100,000 peers into in-tree wireguard, which takes ten minutes
#   TURNS        number of turns of each kind in real time (default 7, or 2 where QUICK)
#   PEERS        of the hub (default 1000, or 100 where QUICK)
#   RESULTS      the file of the figures, a line of JSON each (default: in the cache). Without a measurement of
#                in-tree wireguard its figures of it are used for comparison
#   WEFT_KO      a module that is built already, in place of building this tree's
#   BENCH_SERIES the kernel series (default 6.12)
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/../run/vm/host.sh"

series=${BENCH_SERIES:-6.12}
limit=3600
programs=''
known_kinds="none wireguard weft wireguard-go wireguard-go-new esp-chacha esp-gcm openvpn-dco"
known_cases="tcp1 tcp4 udp forward pingpong handshake hub"
known_topologies="offloads wire"

is_in() { # is_in WORD LIST
	[[ " $2 " == *" $1 "* ]]
}

is_kind() {
	is_in "${1%+*}" "$known_kinds" && is_in "${1#*+}" "$known_kinds"
}

# In the defined order: a handshake can only be measured before there is a session.
sort_words() { # sort_words WORD...: sets kinds, cases and topologies
	local word

	kinds='' cases='' topologies=''
	for word in $known_cases; do
		! is_in "$word" "$*" || cases+="$word "
	done
	for word; do
		if is_in "$word" "$known_cases"; then
			continue
		elif is_in "$word" "$known_topologies"; then
			topologies+="$word "
		elif is_kind "$word"; then
			kinds+="$word "
		else
			die "'$word' is nothing to measure; kinds: $known_kinds, cases: $known_cases, topologies: $known_topologies"
		fi
	done
	: "${kinds:=none wireguard weft}" "${cases:=tcp1 tcp4 udp forward pingpong}" "${topologies:=$known_topologies}"
}

# The module from Debian unstable, which builds for more kernels, and the release's own program with its libraries. If
# the build fails, a file beside its place has the reason.
openvpn_packages=(openvpn libpkcs11-helper1 liblzo2-2 liblz4-1 libcap-ng0)

# The module counts in dev->tstats without setting pcpu_stat_type, so that iptunnel_xmit() warns at each packet, which
# costs more than everything else. The type is set only while the device is up: otherwise the core would free the
# statistics, which the module frees itself.
announce_statistics() { # announce_statistics SOURCE
	sed -i -e 's/^\tnetif_tx_start_all_queues(dev);/&\n\tdev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;/' \
		-e 's/^\tnetif_tx_stop_all_queues(dev);/&\n\tdev->pcpu_stat_type = NETDEV_PCPU_STAT_NONE;/' \
		"$1/drivers/net/ovpn-dco/main.c"
}

build_openvpn() { # build_openvpn DIRECTORY
	local headers source package

	for package in "${openvpn_packages[@]}"; do
		unpack_package "$package" "$1/root"
	done
	in_unstable unpack_package openvpn-dco-dkms "$1/module"
	headers=$("$weft_top/selftests/run/vm/kernels.sh" headers "$series")
	source=$(echo "$1"/module/usr/src/ovpn-dco-*)
	mkdir "$1/bin"
	! grep -qs pcpu_stat_type "${headers%-cloud-*}-common/include/linux/netdevice.h" || announce_statistics "$source"
	say "building OpenVPN's module"
	make -s -C "$headers" M="$source" CONFIG_OVPN_DCO_V2=m REVISION="${source##*-}" NOSTDINC_FLAGS="-I$source/include \
		-include $source/linux-compat.h -I$source/compat-include -DOVPN_DCO_VERSION='\"${source##*-}\"'" \
		modules >"$1/log" 2>&1 &&
		objcopy --strip-debug "$source/drivers/net/ovpn-dco/ovpn-dco-v2.ko" "$1/bin/ovpn-dco-v2.ko" ||
		echo "openvpn-dco-dkms does not build: $(grep -m 1 -o 'error: .*' "$1/log")" >"$1/bin/absent"
	copy_openvpn "$1/root" "$1/bin"
}

copy_openvpn() { # copy_openvpn ROOT DIRECTORY
	cp "$1/usr/sbin/openvpn" "$2"
	LD_LIBRARY_PATH=$1/usr/lib/x86_64-linux-gnu:$1/lib/x86_64-linux-gnu ldd "$2/openvpn" |
		awk '$2 == "=>" && $3 ~ /^\// && $1 !~ /^libc\.so/ { print $3 }' | xargs cp -L -t "$2"
}

fetch_openvpn() {
	local directory=$cache/bench/openvpn-$series

	if [ ! -e "$directory" ]; then
		mkdir -p "$cache/bench"
		rm -rf "$directory.new"
		build_openvpn "$directory.new"
		mv "$directory.new" "$directory"
	fi
	cp -r "$directory/bin" "$programs/openvpn"
}

# Files for the guest besides the tree.
build_all() {
	[ -n "$programs" ] || { programs=$(mktemp -d); trap 'rm -rf "$programs"' EXIT; }
	make -s -C "$here" OUT="$programs" >&2
	make -s -C "$weft_top/tools" >&2
	if [ -z "${WEFT_KO-}" ]; then
		WEFT_KO=$("$weft_top/selftests/run/vm/module.sh" "$series" bench)
	fi
	export WEFT_KO
	[[ ${kinds-} != *-go-new* ]] || [ -e "$programs/wireguard-go-new" ] || fetch_newest_go "$programs/wireguard-go-new"
	[[ ${kinds-} != *openvpn-dco* ]] || [ -e "$programs/openvpn" ] || with_lock openvpn fetch_openvpn
}

boot_guest() { # boot_guest MODE COMMAND [BOOT_ARGUMENTS...]
	local mode=$1 command=$2

	shift 2
	"$weft_top/selftests/run/vm/boot.sh" -m "$mode" -t "$limit" -M 3072 -e QUICK="${QUICK-}" -e PEERS="${PEERS-}" \
		-d "$programs" "$@" \
		"$series" "$command"
}

# Profiles are stored apart from the other figures, because sampling has a cost.
run_profile() {
	local results=${RESULTS:-$cache/bench/profile.json} status=0

	sort_words "$@"
	build_all
	mkdir -p "$(dirname "$results")"
	boot_guest icount 'exec bash selftests/bench/guest.sh' -e PROFILE=1 -e KINDS="$kinds" -e CASES="$cases" \
		-e TOPOLOGIES="$topologies" >"$results" || status=$?
	python3 "$here/report.py" profile "$results"
	return $status
}

# On standard error, one line for each new figure.
show_progress() {
	local line field count=0

	while IFS= read -r line; do
		[[ $line == '{'* ]] || continue
		count=$((count + 1))
		line=${line%%,\"unit*}
		for field in kind case topology; do
			line=${line//"\"$field\":"/}
		done
		say "$SECONDS s, $count: ${line//[\{\"]/}"
	done
}

# Runs a script in the guest and merges its figures into STORE; NEW is a file for them.
collect() { # collect MODE STORE NEW SCRIPT [BOOT_ARGUMENTS...]
	local mode=$1 store=$2 new=$3 script=$4 status=0

	shift 4
	mkdir -p "$(dirname "$store")"
	boot_guest "$mode" "exec bash selftests/bench/$script" "$@" | tee "$new" | show_progress || status=$?
	# Other output of the guest is shown as well.
	! grep -v '^{' "$new" >&2 || :
	python3 "$here/report.py" merge "$new" "$store"
	return $status
}

measure() { # measure NAME MODE SCRIPT [BOOT_ARGUMENTS...]
	local name=$1 mode=$2 script=$3 results new started=$SECONDS status=0

	shift 3
	results=${RESULTS:-$cache/bench/$name.json}
	new=$(mktemp)
	collect "$mode" "$results" "$new" "$script" "$@" || status=$?
	python3 "$here/report.py" "$name" "$new" "$results"
	rm -f "$new"
	say "$name took $((SECONDS - started)) s; the figures are in $results"
	return $status
}

run_cost() {
	sort_words "$@"
	build_all
	measure cost icount guest.sh -e KINDS="$kinds" -e CASES="$cases" -e TOPOLOGIES="$topologies"
}

expect_no_words() {
	[ $# = 0 ] || die "'$1' means nothing here"
}

run_scale() {
	local sizes="1 10 1000 10000 100000" lookups=1000000 waits=10000

	expect_no_words "$@"
	[ -z "${QUICK-}" ] || sizes="1 10 1000" lookups=10000 waits=1000
	build_all
	measure scale icount guest-scale.sh -e SIZES="$sizes" -e LOOKUPS=$lookups -e WAITS=$waits \
		-e BIGGEST_WIREGUARD="${FULL:+100000}"
}

run_wall() {
	expect_no_words "$@"
	build_all
	measure wall smp guest-wall.sh -e TURNS="${TURNS:-${QUICK:+2}}" -e MEGABYTES="${QUICK:+2}" \
		-e ROUND_TRIPS="${QUICK:+150}"
}

# ---- all of it ----

directory=$cache/bench/all${QUICK:+-quick}
document=$weft_top/Documentation/networking/weft-bench.rst
every_case="tcp1 tcp4 udp forward pingpong"

# Each line is kinds;cases;topologies;profile.
cost_jobs() {
	local others="wireguard-go wireguard-go-new esp-chacha esp-gcm openvpn-dco wireguard+weft weft+wireguard"

	echo "none wireguard weft;$every_case;offloads wire;0"
	echo "wireguard weft;tcp1;offloads;1"
	if [ -n "${QUICK-}" ]; then
		echo "$others;tcp1;offloads;0"
		echo "wireguard weft;handshake hub;offloads;0"
	else
		echo "$others;$every_case;offloads wire;0"
		echo "wireguard weft;handshake hub;offloads wire;0"
	fi
}

run_all() {
	local RESULTS started=$SECONDS kinds="wireguard-go-new openvpn-dco" part status=0

	expect_no_words "$@"
	rm -rf "$directory"
	mkdir -p "$directory"
	build_all
	RESULTS=$directory/cost.json
	measure cost icount guest.sh -e JOBS="$(cost_jobs)" || status=$?
	python3 "$here/report.py" profile "$directory/cost.json" >"$directory/profile.txt"
	for part in scale wall; do
		RESULTS=$directory/$part.json
		"run_$part" || status=$?
	done
	summarise
	say "took $((SECONDS - started)) s; $directory has all figures (bench.json), the profiles (profile.txt) and plots"
	return $status
}

summarise() {
	local release emulator

	release=$("$weft_top/selftests/run/vm/kernels.sh" release "$series")
	emulator=$(qemu-system-x86_64 --version | sed -n '1s/ version / /; 1s/ (.*//p')
	python3 "$here/report.py" summary "$directory" kernel="$release" emulator="$emulator" cpu=max,-erms,-fsrm \
		command="make bench${QUICK:+ QUICK=1}" date="$(date -u +%Y-%m-%d)" \
		commit="$(git -C "$weft_top" describe --always --dirty 2>/dev/null || echo unknown)"
	"$here/plots.sh" bench "$directory" "$directory"
	echo
	python3 "$here/report.py" verdict "$directory"
	echo
	python3 "$here/bars.py" show "$directory" "$cache/bench/native" "$cache/bench/native-quick"
}

run_document() {
	expect_no_words "$@"
	[ -e "$directory/bench.json" ] || die "there are no figures yet: run make bench first"
	python3 "$here/report.py" document "$directory" "$document"
	"$here/plots.sh" bench "$directory" "${document%/*}"
}

main() {
	local action=${1-}

	shift $(($# ? 1 : 0))
	case $action in
	cost|profile|scale|wall|all|document)
		"run_$action" "$@"
		;;
	*)
		die "'$action' is nothing that can be run; expected cost, profile, scale, wall, all or document"
		;;
	esac
}

main "$@"
