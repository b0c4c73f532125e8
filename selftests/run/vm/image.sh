#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the initramfs in which tests, demo and bench run: busybox, this machine's own tools with their libraries, and
# Debian's kernel modules. It is cached under a hash of its inputs; files that change from run to run (weft itself, the
# selftests) are in a second, small archive, since the kernel unpacks concatenated archives.
#
#   image.sh base SERIES              prints the path of the cached archive
#   image.sh overlay SERIES OUTPUT    writes the archive with /init and the tree: weft.ko, tools/weft, selftests/
#
# WEFT_KO names the module to include, with the test modules built beside it; without it no module is included.
# WEFT_TOOL names another build of the command than tools/weft. VM_PACKAGES names packages whose programs the overlay has, too.
# Another architecture's guest (6.12-arm64) has that one's programs, unpacked from its packages, and a command of tool.sh.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/run/vm/arch.sh
. "$here/arch.sh"

# Every program of these packages is in the guest.
packages=(
	bash coreutils util-linux mount grep sed mawk findutils diffutils procps kmod libc-bin
	iproute2 iputils-ping ethtool nftables iperf3 tcpdump socat ncat
	wireguard-tools wireguard-go openssh-client openssl
	python3.11-minimal
)
# Unpacked, not installed: installing a server would start it.
unpacked_packages=(openssh-server openssh-sftp-server libwrap0)
# Of these packages only the libraries: kselftest/lib/sodium.py loads it.
library_packages=(libsodium23)
python_unused=(test idlelib ensurepip lib2to3 tkinter turtledemo pydoc_data)

# By name; their dependencies are added.
modules=(
	virtio_pci virtio_console virtio_net
	wireguard veth dummy tun bridge vrf macvlan ipvlan ifb 8021q
	sch_netem sch_fq sch_fq_codel sch_tbf sch_ingress sch_prio sch_htb cls_u32 cls_flower cls_matchall cls_basic cls_bpf
	act_mirred act_tunnel_key act_gact act_pedit act_csum act_skbedit act_bpf
	nf_tables nft_queue nft_ct nft_nat nft_masq nft_redir nft_limit nft_log nft_reject_inet nft_reject_ipv4 nft_reject_ipv6
	nft_fib_inet nft_quota nft_hash nft_numgen nft_tproxy nft_chain_nat nf_conntrack_netlink nfnetlink_queue nfnetlink_log
	xfrm_user esp4 esp6 authenc echainiv seqiv gcm ghash-clmulni-intel aesni-intel chacha20poly1305 rfc7539
	chacha-x86_64 poly1305-x86_64 curve25519-x86_64 blake2s-x86_64 libchacha20poly1305 libcurve25519 udp_tunnel
	ip6_udp_tunnel fou vxlan xt_mark sit ip6_tunnel ip_gre udp_diag tcp_diag inet_diag af_packet_diag pktgen
)

library_path() {
	echo "$1/usr/lib/x86_64-linux-gnu:$1/lib/x86_64-linux-gnu"
}

copy_file() { # copy_file ROOT FILE [SOURCE]: to the same path, with links resolved; /bin, /sbin and /lib are /usr's
	local root=$1 file=$2 source=${3:-$2}

	case $file in
	/bin/*|/sbin/*|/lib/*|/lib64/*)
		file=/usr$file
		;;
	esac
	[ -e "$root$file" ] && return
	mkdir -p "$root${file%/*}"
	cp -L "$source" "$root$file"
}

# Libraries are looked up where the loader finds them, and copied to a folder that a loader without a cache searches.
copy_libraries() { # copy_libraries ROOT FILE...
	local root=$1 library

	shift
	{ ldd "$@" 2>/dev/null || true; } | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\/.*ld-linux/ { print $1 }' |
		sort -u | while read -r library; do
		case $library in
		*/ld-linux*)
			copy_file "$root" "/lib64/${library##*/}" "$library"
			;;
		*)
			copy_file "$root" "/usr/lib/x86_64-linux-gnu/${library##*/}" "$library"
			;;
		esac
	done
}

programs_of() { # programs_of PACKAGE...
	dpkg -L "$@" | grep -E '^(/usr)?/s?bin/[^/]+$' | while read -r file; do
		[ -f "$file" ] && [ -x "$file" ] && echo "$file"
	done | sort -u
}

make_skeleton() {
	local root=$1 name

	mkdir -p "$root"/{dev,proc,sys,run,tmp,root,etc/ssh,var/log,var/tmp,usr/bin,usr/sbin,usr/lib,usr/lib64,weft}
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$root/$name"
	done
	ln -s ../run "$root/var/run"
	printf 'root:x:0:0:root:/root:/bin/bash\nsshd:x:106:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534::/:/bin/false\n' \
		>"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
	printf 'hosts: files dns\npasswd: files\ngroup: files\nprotocols: files\nservices: files\n' >"$root/etc/nsswitch.conf"
	printf 'tcp 6 TCP\nudp 17 UDP\nicmp 1 ICMP\nipv6-icmp 58 IPv6-ICMP\n' >"$root/etc/protocols"
	printf 'ssh 22/tcp\ndomain 53/udp\ndomain 53/tcp\nhttp 80/tcp\n' >"$root/etc/services"
}

copy_programs() {
	local root=$1 file list

	list=$(programs_of "${packages[@]}")
	for file in $list; do
		copy_file "$root" "$file"
	done
	# Of stdbuf, which is among them.
	copy_file "$root" /usr/libexec/coreutils/libstdbuf.so
	# shellcheck disable=SC2086 # a list of words
	copy_libraries "$root" $list
	copy_file "$root" /usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so
	copy_file "$root" /usr/lib/ssl/openssl.cnf
	copy_file "$root" /usr/bin/busybox "$(command -v busybox)"
	busybox --list | while read -r file; do
		[ -e "$root/usr/bin/$file" ] || [ -e "$root/usr/sbin/$file" ] || ln -s busybox "$root/usr/bin/$file"
	done
	for file in awk:mawk python3:python3.11 sh:bash nc:ncat; do
		ln -sf "${file#*:}" "$root/usr/bin/${file%:*}"
	done
}

# The programs of another architecture: its packages, less what no test needs.
copy_userland() { # copy_userland ROOT ARCH
	local root=$1 name

	cp -a "$(userland "$2")/usr/." "$root/usr/"
	rm -rf "${root:?}/usr/share" "$root"/usr/lib/*/{perl,perl-base,gconv}
	for name in "${python_unused[@]}"; do
		rm -rf "$root"/usr/lib/python3.*/"$name"
	done
	find "$root/usr/lib" -path '*/python3*' -name tests -type d -prune -exec rm -rf {} +
	busybox --list | while read -r name; do
		[ -e "$root/usr/bin/$name" ] || [ -e "$root/usr/sbin/$name" ] || ln -s busybox "$root/usr/bin/$name"
	done
	for name in awk:mawk sh:bash nc:ncat; do
		ln -sf "${name#*:}" "$root/usr/bin/${name%:*}"
	done
}

fetch_unpacked() { # fetch_unpacked DIRECTORY
	local package

	[ ! -e "$1" ] || return 0
	rm -rf "$1.new"
	for package in "${unpacked_packages[@]}"; do
		unpack_package "$package" "$1.new"
	done
	mv "$1.new" "$1"
}

copy_unpacked() {
	local root=$1 directory=$cache/packages file

	with_lock packages-unpacked fetch_unpacked "$directory"
	for file in usr/sbin/sshd usr/lib/openssh/sftp-server; do
		copy_file "$root" "/$file" "$directory/$file"
		LD_LIBRARY_PATH=$(library_path "$directory") copy_libraries "$root" "$directory/$file"
	done
}

copy_python() {
	local root=$1 name

	cp -a /usr/lib/python3.11 "$root/usr/lib/"
	rm -rf "${python_unused[@]/#/$root/usr/lib/python3.11/}" "$root"/usr/lib/python3.11/config-*
	find "$root/usr/lib/python3.11" -name tests -type d -prune -exec rm -rf {} +
	find "$root/usr/lib/python3.11" -xtype l -delete
	for name in $(dpkg -L "${library_packages[@]}" | grep '\.so\.'); do
		copy_file "$root" "$name"
	done
	# shellcheck disable=SC2046 # a list of words
	copy_libraries "$root" $(find "$root/usr/lib/python3.11" -name '*.so')
}

# A kernel may lack a module, or have it built in.
copy_modules() { # copy_modules ROOT KERNEL_DIRECTORY RELEASE
	local root=$1 kernel=$2 release=$3 name file

	for name in "${modules[@]}"; do
		modprobe -d "$kernel" -S "$release" --show-depends "$name" 2>/dev/null || true
	done | awk '$1 == "insmod" { print $2 }' | sort -u | while read -r file; do
		file=${file#"$kernel"}
		mkdir -p "$root/usr${file%/*}"
		cp "$kernel$file" "$root/usr$file"
	done
	cp "$kernel/lib/modules/$release"/modules.{builtin*,order} "$root/usr/lib/modules/$release/"
	depmod -b "$root" "$release"
}

pack() { # pack ROOT: the archive, on standard output
	(cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --null --quiet -o -H newc -R 0:0)
}

# Kernels built here have the same release, whatever their patch and configuration; their directories have different
# names.
fingerprint() { # fingerprint KERNEL_DIRECTORY
	{
		cat "$here/image.sh" "$here/arch.sh"
		echo "${1#"$cache"/}"
		cat "$1/../../.source" 2>/dev/null || true
		dpkg-query -W busybox-static libc6 "${packages[@]}" "${library_packages[@]}"
	} | sha256sum | cut -c 1-16
}

# The tree of modules is kept beside the archive: overlay adds weft.ko to its indexes.
build_base() { # build_base KERNEL_DIRECTORY RELEASE IMAGE
	local kernel=$1 release=$2 image=$3 root

	[ ! -e "$image.cpio" ] || return 0
	say "building the guest's image for $release"
	root=$(mktemp -d)
	make_skeleton "$root"
	if [ -n "$arch" ]; then
		copy_userland "$root" "$arch"
	else
		copy_programs "$root"
		copy_python "$root"
		copy_unpacked "$root"
	fi
	copy_modules "$root" "$kernel" "$release"
	pack "$root" >"$image.new"
	rm -rf "$image.modules"
	mkdir -p "$image.modules/lib"
	mv "$root/usr/lib/modules" "$image.modules/lib/"
	mv "$image.new" "$image.cpio"
	delete_old_images "${image%/*}"
	rm -rf "$root"
}

# Deletes images that were not used for two weeks.
delete_old_images() { # delete_old_images DIRECTORY
	local old

	find "$1" -name '*.cpio' -mtime +14 | while read -r old; do
		rm -rf "$old" "${old%.cpio}.modules"
	done
}

base_image() { # base_image SERIES: sets image, without its suffix, and release
	local kernel

	arch=$(arch_of "$1")
	kernel=$("$here/kernels.sh" image "$1")
	release=${kernel##*/}
	image=$cache/images/$release-$(fingerprint "$kernel")
	mkdir -p "$cache/images"
	with_lock "base-$release" build_base "$kernel" "$release" "$image"
	touch "$image.cpio"
}

add_module() { # add_module ROOT
	local root=$1 tree=$1/modules-tree extra=lib/modules/$release/extra

	mkdir -p "$tree"
	cp -r "$image.modules/lib" "$tree/"
	mkdir -p "$tree/$extra" "$root/usr/$extra"
	cp "$WEFT_KO" "$tree/$extra/weft.ko"
	find "${WEFT_KO%/kmod/*}/selftests" -name '*.ko' -exec cp {} "$tree/$extra/" \; 2>/dev/null || true
	depmod -b "$tree" "$release"
	cp "$tree/lib/modules/$release"/modules.* "$root/usr/lib/modules/$release/"
	cp "$tree/$extra"/*.ko "$root/usr/$extra/"
	rm -rf "$tree"
}

fetch_package() { # fetch_package PACKAGE DIRECTORY
	[ ! -e "$2" ] || return 0
	rm -rf "$2.new"
	unpack_package "$1" "$2.new"
	mv "$2.new" "$2"
}

# Large programs that one test needs.
add_packages() { # add_packages ROOT PACKAGE...
	local root=$1 package file

	shift
	for package; do
		with_lock "package-$package" fetch_package "$package" "$cache/package-$package"
		for file in "$cache/package-$package"/usr/bin/*; do
			copy_file "$root" "/usr/bin/${file##*/}" "$file"
		done
	done
}

write_overlay() { # write_overlay OUTPUT
	local root tool=${WEFT_TOOL:-$weft_top/tools/weft}

	[ -z "$arch" ] || tool=$("$here/tool.sh" "$arch")
	root=$(mktemp -d)
	mkdir -p "$root/weft/tools" "$root/usr/bin" "$root/usr/lib/x86_64-linux-gnu" "$root/usr/lib64"
	cp "$here/init" "$root/init"
	# Build results may be created and deleted meanwhile.
	(cd "$weft_top" && find selftests Documentation/networking/*.rst -name build -prune -o -print0 | cpio --null --quiet -pdm "$root/weft")
	if [ -x "$tool" ]; then
		cp "$tool" "$root/weft/tools/weft"
		ln -s /weft/tools/weft "$root/usr/bin/weft"
		install -t "$root/usr/bin" "$weft_top"/tools/stores/*
		[ -n "$arch" ] || copy_libraries "$root" "$tool"
	fi
	# shellcheck disable=SC2086 # a list
	[ -z "${VM_PACKAGES-}" ] || add_packages "$root" $VM_PACKAGES
	[ -z "${WEFT_KO-}" ] || add_module "$root"
	pack "$root" >"$1"
	rm -rf "$root"
}

main() {
	umask 022
	case ${1-} in
	base)
		base_image "${2?a series is needed}"
		echo "$image.cpio"
		;;
	overlay)
		base_image "${2?a series is needed}"
		write_overlay "${3?a file to write is needed}"
		;;
	*)
		die "'${1-}' is no command; expected base or overlay"
		;;
	esac
}

main "$@"
