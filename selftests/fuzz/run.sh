#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make fuzz: runs the fuzzers one after the other, as TAP, and prints the executions of each.
#
#   TESTS          names of fuzzers (default: all); packets, netlink and both run in a machine, the others in userspace
#   FUZZ_SECONDS   for all of them together (default: 300)
#   FUZZ_RUNS      executions of each, at most (default: as many as there is time for)
#   FUZZ_COUNT     packets, and messages, at most, of those in a machine (default: 1000000 each)
#   FUZZ_SEED      their seed (default: the day)
#   KERNELS        the machine's kernel (default: 6.12-kasan)
#
# A fuzzer begins with the inputs in corpus/ and continues with those of earlier runs in build/corpus/. A failing input
# is stored in build/found/, and belongs into corpus/ once the fault is fixed.
#
#   run.sh                 runs them
#   run.sh --self-check    plants a fault for each fuzzer, which has to find it
#   run.sh --plants        only checks that there is a fault for each fuzzer, and that it can be planted
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "${BASH_SOURCE[0]}")/../run/vm/host.sh"
# shellcheck source=selftests/run/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../run/tap.sh"
cd "$weft_top/selftests/fuzz" || exit 1

# Every fuzz_NAME.c is a fuzzer in userspace, with the length of its longest input. Each describes its input.
longest=(
	noise:98 cookie:192 replay:48 allowedips:64 fsm:160 peer_name_check:72 plpmtud:48 keyselect:16
	config:512 message:256 event:160 fleet_record:160 fleet_model:64
)
# Fuzzers in a machine: debug/fuzz_NAME.sh. They start slowly, and so each gets several shares of the time.
guests=(packets netlink both)
guest_share=4
FUZZ_SECONDS=${FUZZ_SECONDS:-300}
FUZZ_RUNS=${FUZZ_RUNS:--1}
found=build/found

# A plausible fault for each fuzzer: the file and a sed script.
plants=(
	'noise kmod/lib/noise.c s/if (!noise_open(&state, opened, msg->sealed_timestamp, WEFT_TIMESTAMP_LEN))/if (!noise_open(\&state, opened, msg->sealed_timestamp, WEFT_TIMESTAMP_LEN) \&\& opened[0])/'
	'cookie kmod/lib/cookie.c s/+ at, sizeof(mac))/+ at, sizeof(mac) - 1)/'
	'replay kmod/lib/replay.c s/WEFT_REPLAY_WORDS);/WEFT_REPLAY_WORDS - 1);/'
	'allowedips kmod/lib/allowedips.c s/heir->parent = node->parent/heir->parent = heir->parent/'
	'fsm kmod/lib/fsm.c s/if (fsm->waiting) {/if (fsm->waiting \&\& fsm->refused) {/'
	'peer_name_check kmod/lib/peer_name_check.c s/0x80, 0x800,/0x80, 0x400,/'
	'plpmtud kmod/lib/plpmtud.c s/plpmtud_usual\[i\] < pmtu->top/plpmtud_usual[i] <= pmtu->top/'
	'keyselect kmod/lib/keyselect.c s/newest, likely) ? 1 : 0/newest, likely) ? 0 : 1/'
	'config tools/base/text.c s/while (end > text \&\& isspace/while (isspace/'
	'message tools/genl/message.c s/nla_len(attr) != WEFT_KEY_BYTES/!nla_len(attr)/'
	'fleet_record tools/fleet/merge.c s/weft_fleet_record_verify(hello, &node->identity)/weft_fleet_record_verify(hello, \&hello->signer)/'
	'fleet_model tools/fleet/model.c s/if (!former || weft_model/if (!former || former->owner != prefix->owner || weft_model/'
	'event tools/genl/event.c s/!tb\[WEFT_EVENT_A_TYPE\] ||/!tb[WEFT_EVENT_A_TIME] ||/'
)

fuzzer_names() {
	printf '%s\n' fuzz_*.c | sed 's/^fuzz_\(.*\)\.c$/\1/'
}

longest_of() { # longest_of NAME
	local fuzzer

	for fuzzer in "${longest[@]}"; do
		[ "${fuzzer%:*}" != "$1" ] || echo "${fuzzer#*:}"
	done
}

choose() { # checks the names in TESTS; sets chosen
	local name all

	all=" $(fuzzer_names | tr '\n' ' ')${guests[*]} "
	chosen=() chosen_guests=()
	for name in ${TESTS:-$all}; do
		[[ $all == *" $name "* ]] || die "'$name' is no fuzzer; there are:$all"
		if [[ " ${guests[*]} " == *" $name "* ]]; then
			chosen_guests+=("$name")
		else
			[ -n "$(longest_of "$name")" ] || die "fuzz_$name.c has no length in run.sh"
			chosen+=("$name")
		fi
	done
	seconds=$((FUZZ_SECONDS / (${#chosen[@]} + guest_share * ${#chosen_guests[@]})))
	[ $seconds -gt 0 ] || seconds=1
}

# The sanitizer's own time is half of an execution's: stacks of allocations and the memory of freed ones are short
# here; a program that runs one input has all of both. A single input may take long on a busy machine.
sanitizer=malloc_context_size=1:quarantine_size_mb=1:thread_local_quarantine_size_kb=256

fuzz() { # fuzz PROGRAM NAME SECONDS RUNS PREFIX CORPUS...
	local program=$1 name=$2 seconds=$3 runs=$4 prefix=$5 options=()

	shift 5
	[ ! -e "dict/$name" ] || options=(-dict="dict/$name")
	ASAN_OPTIONS=${ASAN_OPTIONS-$sanitizer} "$program" -max_len="$(longest_of "$name")" -max_total_time="$seconds" -runs="$runs" -artifact_prefix="$prefix" \
		-timeout=300 -report_slow_units=300 -print_final_stats=1 "${options[@]}" "$@" 2>&1
}

run_one() { # run_one NAME SECONDS: sets line
	local name=$1 log begun=$SECONDS status=0 count

	log=$(mktemp)
	mkdir -p "build/corpus/$name" "$found"
	fuzz "build/fuzz_$name" "$name" "$2" "$FUZZ_RUNS" "$found/$name-" "build/corpus/$name" "corpus/$name" >"$log" || status=$?
	count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	line="fuzz: $name: ${count:-0} executions in $((SECONDS - begun)) s"
	if [ $status = 0 ] && [ "${count:-0}" -gt 0 ]; then
		line="ok - $line"
	else
		line="not ok - $line"
		grep -vE '^#[0-9]+[[:space:]]+(NEW|REDUCE|pulse)|NEW_FUNC' "$log" | tail -n 60 | sed 's/^/# /'
	fi
	rm -f "$log"
}

run_userspace() {
	local name line bad=0

	[ ${#chosen[@]} != 0 ] || return 0
	quietly make -s -j "$(nproc)" "${chosen[@]/#/build/fuzz_}" || die "the fuzzers do not build"
	for name in "${chosen[@]}"; do
		run_one "$name" "$seconds"
		echo "$line"
		[[ $line == ok* ]] || bad=1
	done
	return $bad
}

# Booting and the checks around the fuzzing take time beside the seconds.
run_guests() {
	local kernel=${KERNELS:-6.12-kasan} log module
	local -x COUNT=${FUZZ_COUNT:-1000000} FUZZ_SECONDS=$((seconds * guest_share)) SEED=${FUZZ_SEED:-$(date +%Y%m%d)}
	local -x VM_ENVIRONMENT="COUNT FUZZ_SECONDS SEED" VM_NOTES=1 WALL_LIMIT=$((seconds * guest_share * 2 + 3600))

	[ ${#chosen_guests[@]} != 0 ] || return 0
	quietly make -s -C "$weft_top/tools" || die "the command does not build"
	log=$(mktemp)
	if ! module=$(../run/vm/module.sh "$kernel" 2>"$log"); then
		echo "not ok - fuzz: $kernel build: weft.ko"
		sed 's/^/# /' "$log"
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
	../run/vm/run.sh -k "$module" "$kernel" "${chosen_guests[@]/#/debug/fuzz_}"
}

# Without the corpus, so that the fuzzer itself finds the fault; but complete events would take too long to find.
plant_one() { # plant_one NAME FILE SCRIPT
	local name=$1 file=$2 script=$3 work seeds=() status=0

	[ "$name" != event ] || seeds=(corpus/event)
	work=$(mktemp -d)
	mkdir "$work/corpus"
	# The source includes it by its path in kmod/ or in tools/.
	mkdir -p "$work/$(dirname "${file#*/}")"
	sed -e "$script" "$weft_top/$file" >"$work/${file#*/}"
	if cmp -s "$weft_top/$file" "$work/${file#*/}"; then
		echo "not ok - fuzz: $name: the fault cannot be planted in $file"
		status=1
	elif ! quietly make -s B="$work" PLANTED="$work" "$work/fuzz_$name"; then
		echo "not ok - fuzz: $name: does not build with a fault in it"
		status=1
	elif fuzz "$work/fuzz_$name" "$name" "$FUZZ_SECONDS" -1 "$work/found-" "$work/corpus" "${seeds[@]}" >/dev/null; then
		echo "not ok - fuzz: $name: a planted fault was not found in $FUZZ_SECONDS s"
		status=1
	else
		echo "ok - fuzz: $name: a planted fault is found"
	fi
	rm -rf "$work"
	return $status
}

self_check() {
	local name plant file script bad=0

	for name in "${chosen[@]}"; do
		while read -r plant file script; do
			[ "$plant" != "$name" ] || plant_one "$name" "$file" "$script" || bad=1
		done < <(printf '%s\n' "${plants[@]}")
	done
	return $bad
}

# A change of the source may leave a script without the text that it replaces.
can_plant() { # can_plant NAME
	local plant file script

	while read -r plant file script; do
		[ "$plant" = "$1" ] || continue
		! sed -e "$script" "$weft_top/$file" | cmp -s - "$weft_top/$file"
		return
	done < <(printf '%s\n' "${plants[@]}")
	return 1
}

check_plants() {
	local name bad=0

	for name in "${chosen[@]}"; do
		if can_plant "$name"; then
			echo "ok - fuzz: $name: a fault can be planted"
		else
			echo "not ok - fuzz: $name: a fault can be planted"
			bad=1
		fi
	done
	return $bad
}

main() {
	local status=0 seconds

	unset MAKEFLAGS MAKEOVERRIDES MFLAGS
	choose
	case ${1-} in
	'')
		run_userspace || status=1
		run_guests || status=1
		;;
	--self-check)
		self_check || status=1
		;;
	--plants)
		check_plants || status=1
		;;
	*)
		die "'$1' is no option; --self-check and --plants are"
		;;
	esac
	return $status
}

main "$@" | merge
