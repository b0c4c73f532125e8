#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make check-arch: weft on other architectures, built by Debian's cross compilers and run under QEMU. One stream of TAP, with
# the sum as the last line.
#
#   ARCH      architectures (default: arm64 s390x armhf); there are also i386 and riscv64, of which by default only the
#             build, loading and `basic` are tested, and arm64-16k, arm64 with pages of 16 kB
#   TESTS     names (default: all): unit, the tests in userspace, one process at a time; native, those of them that need a
#             machine; packages, DKMS and weft-tools; cross, tunnels to another machine, which is this one's architecture;
#             planted, the proof that a fault of byte order fails cross; and tests of kselftest/
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"
# shellcheck source=selftests/run/tap.sh
. "$(dirname "$0")/../run/tap.sh"
cd "$weft_top" || exit 1

# The core of the tests: what packs and unpacks numbers, counts time, and reaches each object of the module.
core="basic handshake cookies interop timers roaming netlink batch packets rotate malformed updown"

# Of the wall, for a test in a machine: rotate, whose mesh of five nodes sends all the time, needs six minutes of a CPU on s390x,
# and had a third of one beside other work. A guest's test that hangs ends by the guest's own clock.
export WALL_LIMIT=${WALL_LIMIT:-4000}

# The kernel of each architecture: the newest that Debian 12 has for it, and Debian 13's where it has none.
series_of() { # series_of ARCH
	case $1 in
	arm64*|riscv64)
		echo "6.12-$1"
		;;
	*)
		echo "6.1-$1"
		;;
	esac
}

tests_of() { # tests_of ARCH
	case $1 in
	i386|riscv64)
		echo "unit packages basic"
		;;
	arm64-16k)
		echo "basic packets batch"
		;;
	s390x)
		echo "unit native packages $core cross planted"
		;;
	*)
		echo "unit native packages $core"
		;;
	esac
}

build() { # build WHAT COMMAND...: sets built
	local name=$1

	shift
	if built=$("$@" 2>"$work/log"); then
		echo "ok - $name"
	else
		echo "not ok - $name"
		tail -n 40 "$work/log" | sed "s/^/# $name: /"
		return 1
	fi
}

# The packages that an architecture's own machine would build, by its compiler there.
packages() { # packages ARCH
	suite "$1 packages" bash selftests/arch/dkms.sh "$1" "$series"
	build "$1 packages: weft-tools" env OUT="$work/packages" ARCH="$1" bash tools/deb.sh
}

in_machine() { # in_machine ARCH TEST...: what of TESTS is for one machine
	local arch=$1 name list=()

	for name in "${@:2}"; do
		case $name in
		unit|cross|planted|packages)
			;;
		native)
			build "$series build: tests of the command" selftests/arch/unit.sh -m "$work/programs" "$arch" || continue
			PROGRAMS=$work/programs with_verdict "$series run" selftests/run/vm/run.sh -k "$module" "$series" arch/native
			rm -rf "$work/programs"
			;;
		*)
			list+=("$name")
			;;
		esac
	done
	[ ${#list[@]} = 0 ] || with_verdict "$series run" selftests/run/vm/run.sh -k "$module" "$series" "${list[@]}"
}

userspace() { # userspace ARCH
	local started=$SECONDS

	suite "$1" bash selftests/arch/unit.sh "$1"
	echo "# $1 unit: $((SECONDS - started)) s"
}

one() { # one ARCH
	local series tests module started=$SECONDS

	series=$(series_of "$1")
	read -ra tests <<<"${TESTS:-$(tests_of "$1")}"
	[[ " ${tests[*]} " != *" unit "* ]] || userspace "$1"
	[[ " ${tests[*]} " != *" packages "* ]] || packages "$1"
	[[ " ${tests[*]} " =~ ^( unit| packages)*\ $ ]] && return
	build "$series build: the command" selftests/run/vm/tool.sh "$1" &&
		build "$series build: weft.ko" selftests/run/vm/module.sh "$series" || return
	module=$built
	in_machine "$1" "${tests[@]}"
	[[ " ${tests[*]} " != *" cross "* ]] || bash selftests/arch/two.sh "$series" "$module"
	[[ " ${tests[*]} " != *" planted "* ]] || suite "$series planted" bash selftests/prove/cross.sh "$series"
	echo "# $1: $((SECONDS - started)) s"
}

check_names() {
	local name

	for name in ${ARCH:-}; do
		[ -n "$(arch_of "6.1-$name")" ] || die "'$name' is no architecture; there are: arm64 arm64-16k armhf i386 riscv64 s390x"
	done
	for name in ${TESTS:-}; do
		[[ " unit native packages cross planted " == *" $name "* || -e selftests/kselftest/$name.sh ]] ||
			die "'$name' is no test; there are: unit native packages cross planted, and those of kselftest/, of which the core is: $core"
	done
}

main() {
	local arch

	check_names
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	# Variables of this make are not passed to the makes that it starts; run.sh wants the native command, too.
	unset MAKEFLAGS MAKEOVERRIDES MFLAGS
	make -s -C tools -j "$(nproc)" >&2 || exit 1
	{
		echo "TAP version 13"
		for arch in ${ARCH:-arm64 s390x armhf}; do
			one "$arch"
		done
	} | merge
}

main
