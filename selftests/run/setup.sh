#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs the Debian packages that a target needs and this machine lacks, as root or through sudo, and prints their
# names.
#
#   setup.sh bench|bench-native|build|check|check-arch|check-debug|check-distro|demo|fuzz|interop|lint
set -eu -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/vm/host.sh"

build_packages=(
	gcc make pkg-config libc6-dev libelf1 pahole libnl-3-dev libnl-genl-3-dev libnl-route-3-dev libsodium-dev libjson-c-dev
	libncurses-dev
)
# Emulator, image and the programs inside it.
vm_packages=(
	qemu-system-x86 busybox-static cpio kmod xz-utils zstd
	bash coreutils util-linux mount grep sed mawk findutils diffutils procps libc-bin
	iproute2 iputils-ping ethtool nftables iperf3 tcpdump socat ncat
	wireguard-tools wireguard-go openssh-client openssl python3 libsodium23
)
check_packages=(libb2-dev rsync ccache python3-yaml)
lint_packages=(
	sparse shellcheck universal-ctags perl python3-yaml python3-jsonschema bc mandoc groff-base coccinelle clang clang-tidy
	pyflakes3 codespell
)
debug_packages=(linux-source-6.12 flex bison bc libelf-dev libssl-dev rsync ccache)
fuzz_packages=(clang libclang-rt-dev libb2-dev)
interop_packages=(tshark)
bench_packages=(gnuplot-nox)
# perf
native_packages=(linux-perf)
# Of every architecture, whichever are tested: they share their compilers' parts.
arch_packages=(
	qemu-system-arm qemu-system-misc gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-i686-linux-gnu gcc-riscv64-linux-gnu
	gcc-s390x-linux-gnu debian-archive-keyring
)
distro_packages=(qemu-system-x86 busybox-static cpio kmod xz-utils e2fsprogs mmdebstrap debian-archive-keyring)

# promtool is taken from a package that contains a service: the package is not installed.
fetch_promtool() {
	local work

	[ ! -x "$cache/promtool" ] || return 0
	work=$(mktemp -d)
	unpack_package prometheus "$work"
	mv "$work/usr/bin/promtool" "$cache/promtool.new"
	mv "$cache/promtool.new" "$cache/promtool"
	rm -rf "$work"
}

main() {
	[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || die "needs Debian on amd64"
	case ${1-} in
	build)
		install_packages "${build_packages[@]}"
		;;
	demo)
		install_packages "${build_packages[@]}" "${vm_packages[@]}"
		;;
	check)
		install_packages "${build_packages[@]}" "${vm_packages[@]}" "${check_packages[@]}"
		with_lock promtool fetch_promtool
		;;
	check-arch)
		install_packages "${build_packages[@]}" "${vm_packages[@]}" "${check_packages[@]}" "${arch_packages[@]}"
		;;
	check-debug)
		install_packages "${build_packages[@]}" "${vm_packages[@]}" "${check_packages[@]}" "${debug_packages[@]}"
		;;
	interop)
		install_packages "${build_packages[@]}" "${vm_packages[@]}" "${interop_packages[@]}"
		;;
	bench)
		install_packages "${build_packages[@]}" "${vm_packages[@]}" "${bench_packages[@]}"
		;;
	bench-native)
		install_packages "${build_packages[@]}" "${vm_packages[@]}" "${bench_packages[@]}" "${native_packages[@]}"
		;;
	check-distro)
		install_packages "${build_packages[@]}" "${distro_packages[@]}"
		;;
	fuzz)
		install_packages "${build_packages[@]}" "${vm_packages[@]}" "${debug_packages[@]}" "${fuzz_packages[@]}"
		;;
	lint)
		install_packages "${build_packages[@]}" "${lint_packages[@]}"
		;;
	*)
		die "'${1-}' is no target; expected bench, bench-native, build, check, check-arch, check-debug, check-distro, demo, fuzz, interop or lint"
		;;
	esac
}

main "$@"
