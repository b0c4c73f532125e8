#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots a VM with one of the kernels of kernels.sh, runs a command in it, and ends with that command's status. The
# command's output is printed on standard output; the kernel's goes to a log.
#
#   boot.sh [-m MODE] [-t SECONDS] [-l CONSOLE_LOG] [-k WEFT_KO] [-e NAME=VALUE]... [-d DIRECTORY] [-M MEGABYTES]
#           [-a ARGUMENTS] [-n NETDEV] SERIES COMMAND
#
#   -m icount   one emulated CPU whose time is counted in instructions; an idle guest skips to its next timer (default).
#               Linux as a program skips, too, but in the machine's time
#   -m smp      two CPUs in real time: KVM where that works, else emulated
#   -t          wall-clock limit (default 600)
#   -k          the module to have in the guest's /lib/modules; modprobe weft finds it
#   -e          a variable of the command's environment
#   -d          a directory that the guest has as /weft/programs
#   -a          additional arguments of the kernel's command line
#   -n          a network card of the guest, as QEMU's option -netdev has it, without its id
#   -M          the guest's memory (default: 1536, and 3072 for a debug kernel)
#
# The guest has the tree's selftests/ and tools/weft under /weft, where COMMAND runs in bash, with the kernel's slowness as
# SLOW, and with EMULATED=1 where its instructions are emulated. A kernel warning is a panic, except under KCSAN, which
# reports the kernel's own races, too. Status 125: the VM crashed before the command ended; 124: the time limit.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/run/vm/arch.sh
. "$here/arch.sh"

# CPU features that are expensive to emulate: a fifth level of page tables adds a step to each walk, and with SMAP the
# emulator ends a block of code at each access to user memory. They cost a fifth of the time.
expensive=-la57,-smap
# The emulator translates code again for each address at which it is mapped: without address randomization programs start
# three times as fast.
fixed_addresses="nokaslr norandmaps"
# The kernel's own tests of its ciphers take a second and a half of each boot.
no_self_tests=cryptomgr.notests
# The kernel's console, in the words of the kernel and of QEMU.
console_device=ttyS0 serial_port=(-serial chardev:console)
mode=icount limit=600 console='' memory='' programs='' more_arguments=''
environment=() network=(-nic none)
WEFT_KO=${WEFT_KO-}

usage() {
	sed -n '4,23s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

parse_arguments() {
	local option

	while getopts m:t:l:k:e:d:M:a:n: option; do
		case $option in
		m) mode=$OPTARG ;;
		t) limit=$OPTARG ;;
		l) console=$OPTARG ;;
		k) WEFT_KO=$OPTARG ;;
		e) environment+=("$OPTARG") ;;
		d) programs=$OPTARG ;;
		M) memory=$OPTARG ;;
		a) more_arguments=$OPTARG ;;
		n) network=(-netdev "$OPTARG,id=wire" -device "virtio-net,netdev=wire,mac=52:54:00$(od -An -N3 -tx1 /dev/urandom | tr ' ' :)") ;;
		*) usage ;;
		esac
	done
	shift $((OPTIND - 1))
	[ $# = 2 ] || usage
	series=$1 command=$2
	arch=$(arch_of "$series")
	[ -n "$memory" ] || { memory=1536; ! is_debug "$series" || memory=3072; }
	environment=(SLOW="$(slowness "$series")" "${environment[@]}")
	[ -z "$WEFT_KO" ] || [ -r "$WEFT_KO" ] || die "cannot read the module '$WEFT_KO'"
}

# A /dev/kvm may exist and yet fail to start a stock kernel: a guest that answers is the only proof. The verdict is
# cached until this machine reboots. KVM replaces the device.
kvm_works() {
	local device=${KVM:-/dev/kvm} verdict
	verdict=$cache/kvm-$(cat /proc/sys/kernel/random/boot_id)${device//\//-}

	[ -w "$device" ] || return 1
	[ -e "$verdict" ] || with_lock kvm probe_kvm "$verdict"
	[ "$(cat "$verdict")" = yes ]
}

# The probe has a command and a network of its own.
probe_kvm() { # probe_kvm FILE
	local answer

	[ ! -e "$1" ] || return 0
	say "probing /dev/kvm"
	answer=$(command=true accelerator=kvm network=(-nic none); run_qemu 30 /dev/null 2>/dev/null || true; cat "$work/status")
	rm -f "$cache"/kvm-*
	if [ "$answer" = 0 ]; then echo yes; else echo no; fi >"$1"
}

# As in many virtual machines, each CPU is a socket: they share no cache.
accelerator_options() {
	local alone=2,sockets=2

	case $accelerator in
	icount)
		# String instructions would count per byte, which would make copies appear expensive.
		echo -accel tcg -icount shift=0,sleep=off -smp 1 -cpu max,-erms,-fsrm,$expensive
		;;
	tcg)
		echo -accel tcg,thread=multi -smp $alone -cpu max,$expensive
		;;
	kvm)
		echo -accel kvm -smp $alone -cpu host
		;;
	esac
}

pick_accelerator() {
	case $mode in
	icount)
		accelerator=icount
		;;
	smp)
		accelerator=tcg
		if [ -z "$arch" ] && kvm_works; then accelerator=kvm; fi
		;;
	*)
		die "'$mode' is no mode; expected icount or smp"
		;;
	esac
}

# Another architecture is emulated in any case. The kernel's console is the first serial port, except where there is none.
emulate_architecture() {
	arch_settings "$arch"
	if [ "$accelerator" = icount ]; then
		emulator+=(-accel tcg -icount "shift=0,sleep=off" -smp 1)
	else
		emulator+=(-accel "tcg,thread=multi" -smp 2)
	fi
	emulator+=(-device "$serial_bus")
	[ "$arch" != s390x ] || serial_port=(-device "sclpconsole,chardev=console")
}

# On a machine of type pc a kernel without ACPI, such as the debug kernels, finds only one CPU.
machine_options() {
	if is_debug "$series"; then
		echo -M microvm,acpi=off -device virtio-serial-device
	else
		echo -M pc -device virtio-serial-pci
	fi
}

# Without ACPI's timers the kernel cannot calibrate the time stamp counter: its rate is an argument. With counted time
# an instruction takes a nanosecond.
clock_arguments() {
	local khz=1000000

	is_debug "$series" || return 0
	[ "$accelerator" = icount ] || khz=$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)
	echo "tsc=reliable tsc_early_khz=$khz"
}

# KCSAN also reports races in other parts of the kernel: its reports do not end the machine. KASAN reports the user of
# a slab object; recording it in the slabs, too, would cost an eighth of the time. For ARCH=um memset() is KASAN's in
# all code, including that of slabs, which must not poison objects then.
watch_arguments() {
	echo oops=panic
	[[ $series == *-kcsan ]] || echo panic_on_warn=1
	case $series in
	uml-kasan)
		echo slab_debug=-
		;;
	*-kasan)
		echo slab_debug=FZP
		;;
	esac
}

# After a crash of a debug kernel the console is the only output: it has to show warnings.
verbosity() {
	if is_debug "$series"; then echo loglevel=5; else echo quiet; fi
}

# An emulator that gets little CPU time misses ticks, and the kernel's timer check panics: it is disabled.
machine_arguments() {
	# shellcheck disable=SC2046 # words
	echo "console=$console_device panic=-1 no_timer_check net.ifnames=0 $fixed_addresses $no_self_tests mitigations=off" $(clock_arguments) $(watch_arguments) \
		"${VM_KERNEL_ARGUMENTS-$(verbosity)}" "$more_arguments"
}

# Linux as a program runs Debian's programs and writes files of this machine. Its memory is a file, too, on a file system
# without a disk. The guest's processes are its children, which end with its process group.
run_uml() { # run_uml SECONDS CONSOLE_LOG
	local cpus=(ncpus=1 skip-idle) pid status=0

	[ "$mode" = icount ] || cpus=(ncpus=2)
	mkdir -p "$work/out" "$work/uml"
	: >"$work/out/output"
	: >"$work/out/status"
	write_archive
	# shellcheck disable=SC2046,SC2086 # words
	TMPDIR=$(memory_directory) setpriv --pdeathsig TERM timeout --kill-after=5 "$1" "$kernel/boot/vmlinuz-${kernel##*/}" \
		mem="${memory}M" "${cpus[@]}" seccomp=on initrd="$work/initrd" rdinit=/init con=null con0=null,fd:1 con1=null,fd:1 \
		umid=weft uml_dir="$work/uml/" guest_out="$work/out" panic=-1 $(watch_arguments) \
		${VM_KERNEL_ARGUMENTS-$(verbosity)} $more_arguments </dev/null >"$2" 2>&1 &
	pid=$!
	tail -f -s 0.1 -n +1 --pid=$pid "$work/out/output"
	wait $pid || status=$?
	cp "$work/out/status" "$work/status"
	return $status
}

memory_directory() {
	if [ -w /dev/shm ]; then echo /dev/shm; else echo "$work"; fi
}

# The output is piped through cat, because QEMU opens standard output as a file. The VM ends with this script.
run_qemu() { # run_qemu SECONDS CONSOLE_LOG
	: >"$work/status"
	write_archive
	# shellcheck disable=SC2207 # words
	[ -n "$arch" ] || emulator=(qemu-system-x86_64 $(accelerator_options) $(machine_options))
	setpriv --pdeathsig TERM timeout --kill-after=5 "$1" "${emulator[@]}" \
		-m "$memory" -nodefaults -display none -no-reboot "${network[@]}" \
		-kernel "$kernel/boot/vmlinuz-${kernel##*/}" -initrd "$work/initrd" \
		-append "$(machine_arguments)" \
		-chardev file,id=console,path="$2" "${serial_port[@]}" \
		-chardev file,id=output,path=/dev/fd/1,append=on -device virtserialport,chardev=output,name=weft.output \
		-chardev file,id=status,path="$work/status" -device virtserialport,chardev=status,name=weft.status </dev/null | cat
}

write_archive() {
	local entry

	mkdir -p "$work/guest/weft"
	printf '%s\n' "$command" >"$work/guest/weft/command"
	[ -z "$programs" ] || cp -r "$programs" "$work/guest/weft/programs"
	for entry in "${environment[@]}"; do
		printf 'export %s=%q\n' "${entry%%=*}" "${entry#*=}"
	done >"$work/guest/weft/environment"
	(cd "$work/guest" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/own.cpio"
	cat "$base" "$work/overlay.cpio" "$work/own.cpio" >"$work/initrd"
}

run_machine() { # run_machine SECONDS CONSOLE_LOG
	pick_accelerator
	[ -z "$arch" ] || emulate_architecture
	is_uml "$series" || [ "$accelerator" = kvm ] || environment+=(EMULATED=1)
	if is_uml "$series"; then run_uml "$@"; else run_qemu "$@"; fi
}

main() {
	local machine_status=0 status

	parse_arguments "$@"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	export WEFT_KO
	kernel=$("$here/kernels.sh" image "$series")
	base=$("$here/image.sh" base "$series")
	"$here/image.sh" overlay "$series" "$work/overlay.cpio"
	run_machine "$limit" "${console:=$work/console}" || machine_status=$?
	status=$(cat "$work/status")
	if [ -z "$status" ]; then
		tail -n 40 "$console" >&2
		[ "$machine_status" != 124 ] || { say "the guest ran into the limit of $limit s"; exit 124; }
		die_machine
	fi
	exit "$status"
}

die_machine() {
	say "the guest died before its command ended"
	exit 125
}

main "$@"
