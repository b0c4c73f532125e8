#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Architectures other than this machine's: what they are called by the kernel, the compiler and Debian, and how QEMU emulates
# them. To be sourced after host.sh.
#
#   arch_settings ARCH      sets triple (of the compiler), libraries (the folder of Debian's libraries), kernel_arch (kbuild's
#                           ARCH), flavour (the end of Debian's releases), suite (of kernel and programs), bits (of a
#                           word), emulator (words), serial_bus (QEMU's virtio serial bus), console_device, module_arguments
#                           (of make), user (QEMU's program for one process), and debian_arch (of packages).
#                           arm64-16k is arm64 with a kernel whose pages have 16 kB
#   in_architecture ARCH COMMAND...     runs unpack_package, and the other functions of host.sh for packages, with that
#                                       architecture's lists
#   sysroot ARCH            prints a folder with the headers and libraries that the command is linked with, and dpkg's
#                           records of them
#   use_sysroot ARCH        has pkg-config and the cross compiler use that folder: exports CC; sets root
#   userland ARCH           prints a folder with the programs of the guest
#   user_emulator ARCH      prints QEMU's program that runs one process of the architecture

# shellcheck disable=SC2034 # read by the scripts that source this one
arch_settings() { # arch_settings ARCH
	suite=bookworm bits=64 serial_bus=virtio-serial-pci console_device=ttyAMA0 debian_arch=${1%-16k}
	case $1 in
	arm64|arm64-16k)
		triple=aarch64-linux-gnu kernel_arch=arm64 flavour=cloud-arm64 user=aarch64
		# The architected pointer authentication costs several times as much to emulate as QEMU's own.
		emulator=(qemu-system-aarch64 -M "virt,gic-version=3" -cpu "max,pauth-impdef=on")
		;;
	armhf)
		triple=arm-linux-gnueabihf kernel_arch=arm flavour=armmp user=arm bits=32
		emulator=(qemu-system-arm -M "virt,highmem=off" -cpu cortex-a15)
		;;
	i386)
		triple=i686-linux-gnu kernel_arch=x86 flavour=686-pae user=i386 bits=32 console_device=ttyS0
		emulator=(qemu-system-x86_64 -M pc -cpu "max,-la57,-smap")
		;;
	riscv64)
		triple=riscv64-linux-gnu kernel_arch=riscv flavour=riscv64 user=riscv64 console_device=ttyS0 suite=trixie
		emulator=(qemu-system-riscv64 -M virt -cpu rv64)
		;;
	s390x)
		triple=s390x-linux-gnu kernel_arch=s390 flavour=s390x user=s390x console_device=ttysclp0 serial_bus=virtio-serial-ccw
		emulator=(qemu-system-s390x -M s390-ccw-virtio -cpu max)
		;;
	*)
		die "'$1' is no architecture; expected arm64, arm64-16k, armhf, i386, riscv64 or s390x"
		;;
	esac
	[ "$1" != arm64-16k ] || suite=trixie flavour=arm64-16k
	# Without the test modules, which read arguments of functions as amd64 passes them.
	module_arguments=(ARCH="$kernel_arch" CROSS_COMPILE="$triple-")
	# Configured for a newer compiler.
	[ "$suite" = bookworm ] || module_arguments+=(CC="$triple-gcc" CONFIG_DEBUG_INFO_BTF_MODULES= CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=)
	libraries=$triple
	[ "$1" != i386 ] || libraries=i386-linux-gnu
}

# Those of the machine's apt.
own_lists() {
	local suite_options=()

	refresh_lists
}

# A release of Debian, its updates and, where there is one, its security updates.
write_architecture_source() { # write_architecture_source FILE
	local options="[arch=$debian_arch signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" mirror security

	mirror=$(debian_mirror Debian)
	[ -n "$mirror" ] || { own_lists; mirror=$(debian_mirror Debian); }
	[ -n "$mirror" ] || die "cannot tell Debian's mirror: no source of this machine's apt is Debian's"
	security=$(debian_mirror Debian-Security)
	{
		printf 'deb %s %s %s main\n' "$options" "$mirror" "$suite" "$options" "$mirror" "$suite-updates"
		[ -z "$security" ] || echo "deb $options $security $suite-security main"
	} >"$1.new"
	mv "$1.new" "$1"
}

# The lists are refreshed when they are a day old. A mirror that lacks one of them has the others.
refresh_architecture() { # refresh_architecture ARCH DIRECTORY
	[ -z "$(find "$2" -name refreshed -mtime -1)" ] || return 0
	write_architecture_source "$2/sources.list"
	say "refreshing the package lists of $1"
	quietly apt-get -q "${suite_options[@]}" update || say "some lists of $1 are not to be had"
	[ -n "$(apt-cache "${suite_options[@]}" pkgnames libc6)" ] || die "no package lists of $1: is a Debian mirror reachable?"
	touch "$2/refreshed"
}

# The machine's apt and dpkg are neither used nor changed.
in_architecture() ( # in_architecture ARCH COMMAND...
	arch=$1
	shift
	arch_settings "$arch"
	# shellcheck disable=SC2154 # of host.sh
	directory=$cache/arch/$arch/$suite
	mkdir -p "$directory"/{lists,archives}/partial
	: >>"$directory/status"
	suite_options=(
		-o APT::Architecture="$debian_arch" -o APT::Architectures::="$debian_arch"
		-o Dir::Etc::sourcelist="$directory/sources.list" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=-
		-o Dir::State::lists="$directory/lists" -o Dir::State::status="$directory/status"
		-o Dir::State::extended_states="$directory/extended_states" -o Dir::Cache="$directory"
		-o Debug::NoLocking=true -o APT::Sandbox::User=root -o Acquire::Languages=none
	)
	with_lock "lists-$arch" refresh_architecture "$arch" "$directory" || exit 1
	"$@"
)

unpack_once() { # unpack_once ARCH DIRECTORY PACKAGE...
	local arch=$1 directory=$2

	shift 2
	[ ! -e "$directory" ] || return 0
	say "unpacking ${directory##*/} of $arch"
	rm -rf "$directory.new"
	in_architecture "$arch" unpack_whole "$directory.new" "$@"
	mv "$directory.new" "$directory"
}

# A folder of packages, named by them.
packages_of() { # packages_of ARCH NAME PACKAGE...
	local directory

	directory=$cache/arch/$1/$2-$(echo "${@:3}" | sha256sum | cut -c 1-8)
	mkdir -p "${directory%/*}"
	with_lock "arch-$1-$2" unpack_once "$1" "$directory" "${@:3}" >&2 || exit 1
	echo "$directory"
}

# Programs do not depend on the size of pages.
sysroot() { # sysroot ARCH
	packages_of "${1%-16k}" libraries libc6-dev libc-bin libnl-3-dev libnl-genl-3-dev libnl-route-3-dev libsodium-dev libjson-c-dev libncurses-dev libb2-dev libatomic1
}

use_sysroot() { # use_sysroot ARCH
	root=$(sysroot "$1") || exit 1
	export CC="$triple-gcc --sysroot=$root"
	export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$root/usr/lib/$libraries/pkgconfig:$root/usr/share/pkgconfig
}

userland() { # userland ARCH
	packages_of "${1%-16k}" userland bash coreutils util-linux mount grep sed mawk findutils diffutils procps kmod libc-bin \
		iproute2 iputils-ping ethtool nftables iperf3 tcpdump socat ncat wireguard-tools wireguard-go openssl busybox-static \
		python3-minimal libpython3-stdlib libnl-route-3-200 libnl-genl-3-200 libjson-c5 libsodium23
}

unpack_user_emulators() { # unpack_user_emulators DIRECTORY
	[ ! -e "$1" ] || return 0
	rm -rf "$1.new"
	unpack_package qemu-user-static "$1.new" && mv "$1.new" "$1"
}

# Unpacked rather than installed, so that no format of programs is registered with this machine's kernel.
user_emulator() ( # user_emulator ARCH
	arch_settings "$1"
	mkdir -p "$cache/arch"
	with_lock qemu-user unpack_user_emulators "$cache/arch/qemu-user" >&2 || exit 1
	echo "$cache/arch/qemu-user/usr/bin/qemu-$user-static"
)
