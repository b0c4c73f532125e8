#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's kernels, unpacked into the cache and never installed.
#
#   kernels.sh release SERIES     the newest release of a series (6.1, 6.12) that can be had: 6.12.117+deb12-cloud-amd64
#   kernels.sh image SERIES       a directory with boot/vmlinuz-* and lib/modules/*
#   kernels.sh headers SERIES     a directory to build modules against
#   kernels.sh source             a directory with those parts of Linux 6.12's source that the checks use
set -eu -o pipefail
# shellcheck source=selftests/vm/host.sh
. "$(dirname "$0")/host.sh"

source_package=linux-source-6.12
source_parts=(
	COPYING
	Documentation/netlink
	scripts/checkpatch.pl
	scripts/const_structs.checkpatch
	scripts/kernel-doc
	scripts/spelling.txt
	scripts/subarch.include
	tools/net/ynl
	tools/scripts
	tools/testing/selftests
)

newest_known() { # newest_known SERIES: of the releases in Debian's lists
	apt-cache pkgnames "linux-image-$1." 2>/dev/null |
		sed -n -E "s/^linux-image-(${1//./\\.}\.[0-9][0-9a-z.+-]*-cloud-amd64)$/\1/p" | sort -V | tail -n 1
}

newest_cached() {
	find "$cache/kernels" -mindepth 1 -maxdepth 1 -name "$1.*" -printf '%f\n' 2>/dev/null | sort -V | tail -n 1
}

# Whoever builds for a kernel and then boots it settles on releases once, in KERNEL_RELEASES: Debian's lists may change
# meanwhile. Without a way to Debian, what is in the cache serves.
release_of() { # release_of SERIES
	local release

	[[ $1 =~ ^[0-9]+\.[0-9]+$ ]] || die "'$1' is no kernel series; expected something like 6.12"
	for release in ${KERNEL_RELEASES-}; do
		[[ $release != "$1".* ]] || { echo "$release"; return; }
	done
	release=$(newest_known "$1")
	[ -n "$release" ] || { apt_update; release=$(newest_known "$1"); }
	[ -n "$release" ] || release=$(newest_cached "$1")
	[ -n "$release" ] || die "Debian has no cloud kernel of series $1 here"
	echo "$release"
}

# Unpacked beside its final place and then renamed: what is in the cache is whole.
fetch_image() { # fetch_image RELEASE DIRECTORY
	[ ! -e "$2" ] || return 0
	rm -rf "$2.new"
	unpack_package "linux-image-$1" "$2.new"
	find "$2.new/lib/modules" -name '*.ko.xz' -print0 | xargs -0 -r -P 2 -n 64 unxz
	depmod -b "$2.new" "$1"
	rm -rf "$2.new/usr/share"
	mv "$2.new" "$2"
}

# The header packages name each other under /usr; here they lie elsewhere.
fetch_headers() { # fetch_headers RELEASE DIRECTORY
	local release=$1 directory=$2 common kbuild

	[ ! -e "$directory" ] || return 0
	rm -rf "$directory.new"
	common=linux-headers-${release%-cloud-amd64}-common
	unpack_package "linux-headers-$release" "$directory.new"
	unpack_package "$common" "$directory.new"
	kbuild=$(readlink "$directory.new/usr/src/linux-headers-$release/scripts")
	kbuild=$(basename "$(dirname "$kbuild")")
	unpack_package "$kbuild" "$directory.new"
	sed -i "s|/usr/src/|$directory/usr/src/|g" "$directory.new/usr/src/linux-headers-$release/Makefile" \
		"$directory.new/usr/src/linux-headers-$release/.kernelvariables"
	mv "$directory.new" "$directory"
}

unpack_source() { # unpack_source TARBALL DIRECTORY
	say "unpacking parts of $source_package"
	tar -C "$2" --strip-components=1 -xJf "$1" "${source_parts[@]/#/$source_package/}"
}

fetch_source() { # fetch_source DIRECTORY
	local directory=$1 tarball=/usr/src/$source_package.tar.xz

	[ ! -e "$directory" ] || return 0
	rm -rf "$directory.new" "$directory.package"
	mkdir -p "$directory.new"
	if [ ! -e "$tarball" ]; then
		unpack_package "$source_package" "$directory.package"
		tarball=$directory.package$tarball
	fi
	unpack_source "$tarball" "$directory.new"
	rm -rf "$directory.package"
	mv "$directory.new" "$directory"
}

main() {
	local release directory

	case ${1-} in
	release)
		release_of "${2?a series is needed}"
		;;
	image)
		release=$(release_of "${2?a series is needed}")
		directory=$cache/kernels/$release
		mkdir -p "$cache/kernels"
		with_lock "image-$release" fetch_image "$release" "$directory"
		echo "$directory"
		;;
	headers)
		release=$(release_of "${2?a series is needed}")
		directory=$cache/headers/$release
		mkdir -p "$cache/headers"
		with_lock "headers-$release" fetch_headers "$release" "$directory"
		echo "$directory/usr/src/linux-headers-$release"
		;;
	source)
		directory=$cache/source/$source_package
		mkdir -p "$cache/source"
		with_lock source fetch_source "$directory"
		echo "$directory"
		;;
	*)
		die "'${1-}' is no command; expected release, image, headers or source"
		;;
	esac
}

main "$@"
