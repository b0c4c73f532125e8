#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots a disk with the root file system of a distribution, its own kernel and a small initramfs that only mounts the
# disk. Output on the machine's second serial port is printed on standard output.
#
#   boot.sh [-t SECONDS] [-l CONSOLE_LOG] ROOT_DIRECTORY DISK
#
# Ends when the machine powers off; the machine may reboot before. ROOT_DIRECTORY has the kernel and its modules.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/distro/host.sh
. "$here/host.sh"

limit=1200 console=/dev/null

kernel_release() { # kernel_release ROOT: the installed one
	local found=("$1"/boot/vmlinuz-*)

	[ ${#found[@]} = 1 ] && [ -e "${found[0]}" ] || die "$1 does not have one kernel"
	echo "${found[0]##*/vmlinuz-}"
}

# Modules in loading order, uncompressed.
copy_modules() { # copy_modules ROOT RELEASE DIRECTORY
	local name file number=10

	for name in virtio_pci virtio_blk; do
		modprobe -d "$1" -S "$2" --show-depends "$name" 2>/dev/null || true
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		name=$3/$((number++))-$(basename "${file%.xz}")
		case $file in
		*.xz)
			xz -dc "$file" >"$name"
			;;
		*)
			cp "$file" "$name"
			;;
		esac
	done
}

make_initramfs() { # make_initramfs ROOT FILE
	local tree=$work/initramfs

	mkdir -p "$tree"/{bin,dev,proc,modules,root}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	copy_modules "$1" "$(kernel_release "$1")" "$tree/modules"
	cat >"$tree/init" <<-'INIT'
		#!/bin/busybox sh
		/bin/busybox mount -t devtmpfs dev /dev
		for module in /modules/*; do
			/bin/busybox insmod "$module"
		done
		until [ -b /dev/vda ]; do
			/bin/busybox sleep 0.1
		done
		/bin/busybox mount -t ext4 /dev/vda /root
		/bin/busybox umount /dev
		exec /bin/busybox switch_root /root /sbin/init
	INIT
	chmod +x "$tree/init"
	(cd "$tree" && find . | cpio --quiet -o -H newc -R 0:0) >"$2"
}

main() {
	local option status=0

	while getopts t:l: option; do
		case $option in
		t) limit=$OPTARG ;;
		l) console=$OPTARG ;;
		*) die "usage: boot.sh [-t SECONDS] [-l CONSOLE_LOG] ROOT_DIRECTORY DISK" ;;
		esac
	done
	shift $((OPTIND - 1))
	[ $# = 2 ] || die "usage: boot.sh [-t SECONDS] [-l CONSOLE_LOG] ROOT_DIRECTORY DISK"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	make_initramfs "$1" "$work/initrd"
	timeout --kill-after=5 "$limit" qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -cpu max -M pc -m 1024 \
		-nodefaults -display none -nic none -device virtio-rng-pci \
		-kernel "$1/boot/vmlinuz-$(kernel_release "$1")" -initrd "$work/initrd" \
		-append "console=ttyS0 quiet panic=-1 panic_on_warn=1 oops=panic net.ifnames=0 mitigations=off systemd.show_status=0 modprobe.blacklist=ata_piix,kvm_amd,kvm_intel,powernow_k8" \
		-drive "file=$2,format=raw,if=virtio,cache=unsafe" \
		-serial "file:$console" -chardev file,id=output,path=/dev/fd/1,append=on -serial chardev:output \
		</dev/null | cat || status=$?
	return $status
}

main "$@"
