#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's kernels, unpacked into the cache and never installed.
#
# A SERIES is a number such as 6.12, or "newest" for the newest in Debian unstable. A series that this machine's own
# lists lack is looked up in unstable. 6.12-kasan and 6.12-kcsan are not Debian's: debug.sh builds them, and uml.sh
# builds uml and uml-kasan. 6.12-arm64 is Debian's kernel of that series for another architecture (arch.sh), with the
# headers' programs for this one.
#
#   kernels.sh release SERIES     the newest available release of a series: 6.12.117+deb12-cloud-amd64
#   kernels.sh image SERIES       a directory with boot/vmlinuz-* and lib/modules/*
#   kernels.sh headers SERIES     a directory to build modules against. Those from unstable are in a root of their own with
#                                 the programs that they need; module.sh builds in it
#   kernels.sh source             a directory with the parts of Linux 6.12's source that the checks use
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/run/vm/arch.sh
. "$here/arch.sh"

source_package=linux-source-6.12
source_parts=(
	COPYING
	Documentation/netlink
	scripts/checkpatch.pl
	scripts/coccinelle
	scripts/const_structs.checkpatch
	scripts/kernel-doc
	scripts/spelling.txt
	scripts/subarch.include
	tools/net/ynl
	tools/scripts
	tools/testing/selftests
)

# The packages of a root besides the headers: kbuild's programs, and sparse.
root_packages=(make dash coreutils sed grep mawk findutils sparse)

# The maximum age of unstable's lists in minutes; Debian publishes four a day.
lists_max_age=180

# Kernels that were not used for that many days are deleted when a new one is fetched.
unused_days=14

# The end of the releases of Debian's kernels.
flavour=cloud-amd64

newest_known() { # newest_known SERIES: of the releases in Debian's lists
	local pattern=${1//./\\.}

	[ "$1" != newest ] || pattern='[0-9]+\.[0-9]+'
	apt-cache "${suite_options[@]}" pkgnames linux-image- 2>/dev/null |
		sed -n -E "s/^linux-image-($pattern\.[0-9][0-9a-z.+-]*-$flavour)$/\1/p" | { grep -v -- -rt- || true; } | sort -V | tail -n 1
}

newest_here() { # newest_here SERIES
	[ "$1" = newest ] || newest_known "$1"
}

newest_after_update() { # newest_after_update SERIES
	[ "$1" != newest ] || return 0
	refresh_lists
	newest_known "$1"
}

# Without a connection to Debian the present lists are used, however old.
refresh_old_lists() {
	[ -z "$(find "$cache/unstable" -name refreshed -mmin -$lists_max_age)" ] || return 0
	(apt_update) && touch "$cache/unstable/refreshed"
}

newest_in_unstable() { # newest_in_unstable SERIES
	in_unstable with_lock unstable-lists refresh_old_lists || true
	in_unstable newest_known "$1"
}

# newest_if_in_unstable: downloads no lists if unstable lacks the series, too.
newest_if_in_unstable() { # newest_if_in_unstable SERIES
	[ -z "$(in_unstable newest_known "$1")" ] || newest_in_unstable "$1"
}

newest_cached() { # newest_cached SERIES
	local pattern=$1

	[ "$1" != newest ] || pattern='[0-9]'
	find "$cache/kernels" -mindepth 1 -maxdepth 1 -name "$pattern.*-$flavour" -printf '%f\n' 2>/dev/null | sort -V | tail -n 1
}

# A script that builds for a kernel and then boots it resolves the releases once, in KERNEL_RELEASES: Debian's lists
# may change meanwhile. Without a connection to Debian the cache is used.
release_of() { # release_of SERIES
	local release way

	[[ $1 =~ ^([0-9]+\.[0-9]+|newest)$ ]] || die "'$1' is no kernel series; expected something like 6.12, or newest"
	for release in ${KERNEL_RELEASES-}; do
		[[ $release != "$1".*[0-9]-"$flavour" ]] || { echo "$release"; return; }
	done
	for way in newest_here newest_if_in_unstable newest_after_update newest_in_unstable newest_cached; do
		release=$("$way" "$1") || true
		[ -z "$release" ] || { echo "$release"; return; }
	done
	die "Debian has no kernel of series $1 here"
}

# This machine's own lists, if they have the release, otherwise unstable's. Another architecture's lists are in force already.
where_known() { # where_known RELEASE COMMAND...
	local release=$1

	shift
	if [ -n "$arch" ] || package_known "linux-image-$release"; then "$@"; else in_unstable "$@"; fi
}

delete_old() { # delete_old DIRECTORY
	find "$1" -mindepth 2 -maxdepth 2 -name .used -mtime +$unused_days -printf '%h\0' | xargs -0 -r rm -rf
}

# Since 7.2 the image is split into several packages, with all files under /usr.
unpack_image() { # unpack_image RELEASE DIRECTORY
	local part

	for part in image binary base modules; do
		! package_known "linux-$part-$1" || unpack_package "linux-$part-$1" "$2"
	done
	[ -e "$2/lib" ] || ln -s usr/lib "$2/lib"
	mkdir -p "$2/boot"
	[ ! -e "$2/boot/vmlinux-$1" ] || mv "$2/boot/vmlinux-$1" "$2/boot/vmlinuz-$1"
	[ -e "$2/boot/vmlinuz-$1" ] || ln -s "../lib/modules/$1/vmlinuz" "$2/boot/vmlinuz-$1"
	[ -e "$2/boot/vmlinuz-$1" ] || die "the packages of $1 have no kernel where it is looked for"
}

# Modules of hardware that no guest has: most of a kernel for many machines.
delete_drivers() { # delete_drivers DIRECTORY
	rm -rf "$1/sound"
	find "$1/drivers" -mindepth 1 -maxdepth 1 ! -name net ! -name virtio ! -name char ! -name crypto ! -name s390 \
		! -name ptp ! -name pps -exec rm -rf {} +
	rm -rf "$1"/drivers/net/{ethernet,wireless,usb,can,phy,dsa,wwan,hamradio,arcnet,fddi}
}

# Unpacked beside its final path and then renamed, so that images in the cache are complete.
fetch_image() { # fetch_image RELEASE DIRECTORY
	[ ! -e "$2" ] || return 0
	delete_old "${2%/*}"
	rm -rf "$2.new"
	where_known "$1" unpack_image "$1" "$2.new"
	[ -z "$arch" ] || delete_drivers "$2.new/lib/modules/$1/kernel"
	find "$2.new/lib/modules/" -name '*.ko.xz' -print0 | xargs -0 -r -P 2 -n 64 unxz
	depmod -b "$2.new" "$1"
	rm -rf "$2.new/usr/share"
	mv "$2.new" "$2"
}

# The programs of kbuild run on this machine, whatever the kernel's architecture: those of the same series, under the name
# that the headers ask for. Those of a newer release of Debian would need its C library.
unpack_kbuild() { # unpack_kbuild PACKAGE DIRECTORY
	local package=$1

	if [ -n "$arch" ]; then
		local suite_options=()
		package_known "$package" || package=$(apt-cache pkgnames "$(grep -oE '^linux-kbuild-[0-9]+\.[0-9]+' <<<"$1")" | sort -V | tail -n 1)
		[ -n "$package" ] || die "this machine's Debian has no package like $1"
	fi
	unpack_package "$package" "$2"
	[ -e "$2/usr/lib/$1" ] || ln -s "$package" "$2/usr/lib/$1"
}

# The header packages refer to each other under /usr; here they are in FINAL once they are complete.
unpack_headers() { # unpack_headers RELEASE DIRECTORY FINAL
	local release=$1 directory=$2 common kbuild

	common=linux-headers-${release%-"$flavour"}-common
	unpack_package "linux-headers-$release" "$directory"
	unpack_package "$common" "$directory"
	kbuild=$(readlink "$directory/usr/src/linux-headers-$release/scripts")
	kbuild=$(basename "$(dirname "$kbuild")")
	unpack_kbuild "$kbuild" "$directory"
	sed -i "s|/usr/src/|$3/usr/src/|g" "$directory/usr/src/linux-headers-$release/Makefile" \
		"$directory/usr/src/linux-headers-$release/.kernelvariables"
}

# kbuild's programs and the compiler need unstable's libraries: a root with just these, for chroot.
unpack_root() { # unpack_root RELEASE DIRECTORY
	say "downloading linux-headers-$1 and what it takes to build with them"
	unpack_whole "$2" "linux-headers-$1" "${root_packages[@]}"
	finish_root "$2"
}

# The packages lack the script by which kbuild tests whether sparse works.
finish_root() { # finish_root DIRECTORY
	local scripts

	for scripts in "$1"/usr/src/linux-headers-*-common/scripts; do
		[ -e "$scripts/checker-valid.sh" ] || install -m 755 /dev/stdin "$scripts/checker-valid.sh" <<<$'#!/bin/sh\necho 1'
	done
}

fetch_headers() { # fetch_headers RELEASE DIRECTORY
	local release=$1 directory=$2

	[ ! -e "$directory" ] || return 0
	delete_old "${directory%/*}"
	rm -rf "$directory.new"
	if [ -n "$arch" ] || package_known "linux-headers-$release"; then
		unpack_headers "$release" "$directory.new" "$directory"
	else
		in_unstable unpack_root "$release" "$directory.new"
	fi
	mv "$directory.new" "$directory"
}

unpack_source() { # unpack_source TARBALL DIRECTORY
	say "unpacking parts of $source_package"
	tar -C "$2" --strip-components=1 -xJf "$1" "${source_parts[@]/#/$source_package/}"
}

# The list may have more parts than when the source was downloaded.
source_is_whole() { # source_is_whole DIRECTORY
	local part

	for part in "${source_parts[@]}"; do
		[ -e "$1/$part" ] || return
	done
}

fetch_source() { # fetch_source DIRECTORY
	local directory=$1 tarball=/usr/src/$source_package.tar.xz

	! source_is_whole "$directory" || return 0
	rm -rf "$directory.new" "$directory.package"
	mkdir -p "$directory.new"
	if [ ! -e "$tarball" ]; then
		unpack_package "$source_package" "$directory.package"
		tarball=$directory.package$tarball
	fi
	unpack_source "$tarball" "$directory.new"
	rm -rf "$directory.package" "$directory"
	mv "$directory.new" "$directory"
}

# A kernel that is built here, by debug.sh or uml.sh.
own_kernel() { # own_kernel COMMAND SERIES
	local builder=debug.sh directory

	! is_uml "$2" || builder=uml.sh
	if [ "$1" = release ]; then
		"$here/$builder" release "$2"
		return
	fi
	directory=$("$here/$builder" build "$2")
	case $1 in
	image)
		echo "$directory"/image/*
		;;
	headers)
		echo "$directory"/usr/src/linux-headers-*
		;;
	esac
}

# Another architecture's kernel, from its lists.
foreign_kernel() { # foreign_kernel COMMAND SERIES
	arch=$(arch_of "$2")
	arch_settings "$arch"
	in_architecture "$arch" debian_kernel "$1" "${2%%-*}"
}

main() {
	arch=''
	case ${1-} in
	release|image|headers)
		if is_debug "${2?a series is needed}" || is_uml "$2"; then
			own_kernel "$1" "$2"
			return
		elif [ -n "$(arch_of "$2")" ]; then
			foreign_kernel "$1" "$2"
			return
		fi
		;;
	esac
	debian_kernel "$@"
}

debian_kernel() { # debian_kernel COMMAND [SERIES]
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
		touch "$directory/.used"
		echo "$directory"
		;;
	headers)
		release=$(release_of "${2?a series is needed}")
		directory=$cache/headers/$release
		mkdir -p "$cache/headers"
		with_lock "headers-$release" fetch_headers "$release" "$directory"
		touch "$directory/.used"
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
