#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measures weft beside its peers at this machine's own speed: in Linux as a program (../run/vm/uml.sh), with one CPU and with two.
#
#   native.sh figures [WORD...]    throughput by the kernel's CPU seconds and by the clock
#   native.sh profile [WORD...]    which functions the kernel's CPU seconds are spent in, by purpose
#   native.sh all                  both, a model of many CPUs, and the table of what weft's speed has to reach
#   native.sh show                 prints the last complete run again, with that table
#   native.sh document             puts the figures and plots of the last complete run into the documentation
#
# A WORD is a kind or a case; without a word of a sort all of it is measured, or, for a profile, tcp1, udp and
# forward. A figure that could not be measured is named, and the status is 1.
#   kinds        none wireguard weft wireguard-go-new, and, only if named, wireguard-go
#   cases        tcp1 tcp4 tcp1-back tcp4-back tcp1-both tcp4-both udp udp-mmsg udp-gso forward forward-imix ping pingpong
#                handshake hub fair restart restart-kept; those with -back and -both, and of restart, with two CPUs only
#
#   QUICK=1      two rounds of the first three kinds, and a profile of tcp1
#   ROUNDS       number of turns of each kind (default 5)
#   SECS         CPU seconds of each figure (default 1, and 3 of each profile)
#   CPUS         numbers of CPUs (default "1 2")
#   MANY         spokes of the hub that restarts (default 1000, or 100 where QUICK)
#   WEFT_KO      a module that is built already, in place of building this tree's
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/../run/vm/host.sh"

series=uml
known_kinds="none wireguard weft wireguard-go-new wireguard-go"
known_cases="tcp1 tcp4 tcp1-back tcp4-back tcp1-both tcp4-both udp udp-mmsg udp-gso forward forward-imix ping pingpong"
known_cases+=" handshake hub fair restart restart-kept"
rounds=${ROUNDS:-${QUICK:+2}} seconds=${SECS:-1} cpus=${CPUS:-1 2} many=${MANY:-${QUICK:+100}}
: "${rounds:=5}" "${many:=1000}"
limit=3600
directory=$cache/bench/native${QUICK:+-quick}
whole=$directory
instructions=$cache/bench/all${QUICK:+-quick}
document=$weft_top/Documentation/networking/weft-bench.rst

sort_words() { # sort_words WORD...: sets kinds and cases
	local word

	kinds='' cases=''
	for word; do
		case " $known_kinds / $known_cases " in
		*" $word "*/*) kinds+="$word " ;;
		*/*" $word "*) cases+="$word " ;;
		*) die "'$word' is nothing to measure; kinds: $known_kinds, cases: $known_cases" ;;
		esac
	done
	# A run with WORDs does not replace the complete run.
	[ $# = 0 ] || directory=$whole-part
	[ -n "$kinds" ] || { kinds=${known_kinds% *}; [ -z "${QUICK-}" ] || kinds=${kinds% *}; }
}

build_all() {
	programs=$(mktemp -d)
	trap 'rm -rf "$programs"' EXIT
	make -s -C "$here" OUT="$programs" >&2
	make -s -C "$weft_top/tools" >&2
	[ -n "${WEFT_KO-}" ] || WEFT_KO=$("$weft_top/selftests/run/vm/module.sh" $series bench)
	export WEFT_KO
	[[ " $kinds " != *" wireguard-go-new "* ]] || fetch_newest_go "$programs/wireguard-go-new"
	mkdir -p "$directory"
}

boot_guest() { # boot_guest CPUS BOOT_ARGUMENTS...
	local count=$1

	shift
	python3 "$here/meter.py" "$directory" "$weft_top/selftests/run/vm/boot.sh" -m smp -t $limit -M 2048 -d "$programs" \
		-a "con2=fd:9 ncpus=$count" -e KINDS="$kinds" -e SECS="$seconds" -e MANY="$many" "$@" $series \
		'exec bash selftests/bench/guest-native.sh'
}

# One round with that many CPUs; each line of the result has the numbers of CPUs and round.
measure() { # measure CPUS ROUND STORE
	local new=$directory/new status=0

	boot_guest "$1" -e CASES="$cases" >"$new" || status=$?
	! grep -v '^{' "$new" >&2 || :
	sed -n "s/^{/{\"cpus\":$1,\"round\":$2,/p" "$new" >>"$3"
	rm "$new"
	return $status
}

# Rounds with one CPU and with two alternate.
run_figures() {
	local store count round started=$SECONDS

	sort_words "$@"
	: "${cases:=$known_cases}"
	build_all
	store=$directory/native.new
	: >"$store"
	for ((round = 1; round <= rounds; round++)); do
		for count in $cpus; do
			measure "$count" $round "$store"
			say "$((SECONDS - started)) s: round $round of $rounds, CPUs: $count"
		done
	done
	# Complete figures replace the earlier ones, and the profile of an earlier run is removed.
	mv "$store" "$directory/native.json"
	describe >"$directory/conditions.json"
	rm -f "$directory/profile.json"
	show_figures
}

describe() {
	python3 "$here/native.py" conditions kernel="$("$weft_top/selftests/run/vm/kernels.sh" release $series)" \
		commit="$(git -C "$weft_top" describe --always --dirty 2>/dev/null || echo unknown)" date="$(date -u +%Y-%m-%d)" \
		seconds="$seconds" command="make bench-native${QUICK:+ QUICK=1}"
}

why_no_profile() {
	command -v perf >/dev/null || { echo "there is no perf"; return; }
	perf record -q -o /dev/null true >/dev/null 2>&1 || echo "perf may not be used: see /proc/sys/kernel/perf_event_paranoid"
}

run_profile() {
	local reason name

	sort_words "$@"
	[ -n "$cases" ] || { cases="tcp1 udp forward"; [ -z "${QUICK-}" ] || cases=tcp1; }
	# A profile of an earlier run does not belong to these figures.
	rm -f "$directory/profile.json"
	reason=$(why_no_profile)
	[ -z "$reason" ] || { say "no profile: $reason"; return; }
	build_all
	rm -f "$directory"/*.data
	seconds=${SECS:-3}
	boot_guest 2 -e CASES="$cases" -e PROFILED="$cases" -e FOLDER="$directory" >/dev/null
	for name in "$directory"/*.data; do
		perf script -i "$name" -F ip,sym,dso 2>/dev/null | python3 "$here/native.py" samples "$directory/kallsyms" "$name"
	done >"$directory/profile.json"
	rm "$directory"/*.data "$directory"/*.log "$directory/kallsyms"
	python3 "$here/native.py" profile "$directory"
}

run_all() {
	local started=$SECONDS

	run_figures "$@"
	run_profile "$@"
	show_figures >/dev/null
	[ ! -e "$directory/profile.json" ] || python3 "$here/many.py" show "$directory" || :
	"$here/plots.sh" native "$directory" "$directory"
	say "took $((SECONDS - started)) s; $directory has all figures (native.json, native.csv), profiles (profile.json) and plots"
	show_bars
}

show_figures() {
	python3 "$here/native.py" csv "$directory" >"$directory/native.csv"
	python3 "$here/native.py" show "$directory"
}

show_bars() {
	echo
	python3 "$here/bars.py" show "$instructions" "$directory"
}

run_show() {
	[ -e "$directory/native.json" ] || die "there are no figures yet: run make bench-native first"
	show_figures
	show_bars
}

run_document() {
	[ -e "$directory/native.json" ] || die "there are no figures yet: run make bench-native first"
	python3 "$here/native.py" document "$directory" "$document"
	python3 "$here/bars.py" document "$document" "$instructions" "$directory"
	[ ! -e "$directory/profile.json" ] || python3 "$here/many.py" document "$directory" "$document"
	"$here/plots.sh" native "$directory" "${document%/*}"
}

main() {
	local action=${1-} kinds=''

	shift $(($# ? 1 : 0))
	case $action in
	figures|profile|all|show|document)
		"run_$action" "$@"
		[ "$action" = profile ] || ! grep -q '"absent"' "$directory/native.json" || exit 1
		;;
	*)
		die "'$action' is nothing that can be run; expected figures, profile, all, show or document"
		;;
	esac
}

main "$@"
