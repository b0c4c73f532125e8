#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds weft.ko for one of the kernels of kernels.sh in a directory of its own in the cache, and prints the module's path.
# The directory contains links to the sources, so that it follows them, and builds for two kernels do not overwrite each
# other. The test modules are in its selftests/.
#
#   module.sh SERIES [PURPOSE [MAKE ARGUMENTS...]]     PURPOSE keeps builds with other arguments apart
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/run/vm/arch.sh
. "$here/arch.sh"

# Options of unshare with which an ordinary user may mount file systems.
as=()
[ "$(id -u)" = 0 ] || as=(--map-root-user)

link_sources() { # link_sources DIRECTORY
	mkdir -p "$1"
	find "$1" -xtype l -delete
	# A module of a folder that has moved would go into the guest's image, too.
	find "$1" -name '*.ko' | while read -r file; do
		[ -e "${file%/*}/Kbuild" ] || rm "$file"
	done
	(
		cd "$weft_top"
		find Kbuild kmod selftests/prove/fault selftests/kunit -name '*.[ch]' ! -name '*.mod.c' -o -name Kbuild
		find selftests/unit -maxdepth 1 -name '*.[ch]' -o -maxdepth 1 -name 'vectors.*'
	) | while read -r file; do
		mkdir -p "$1/$(dirname "$file")"
		ln -sf "$weft_top/$file" "$1/$file"
	done
}

# Builds in the root of the headers, with the sources and the cache mounted at their usual paths, in a mount namespace
# that ends with its last process.
make_in_root() { # make_in_root ROOT ARGUMENTS...
	local root=$1

	shift
	# shellcheck disable=SC2016 # for the other shell
	unshare --mount "${as[@]}" bash -e -c '
		root=$1 shared=("$2" "$3")
		mount --rbind /dev "$root/dev"
		mount --rbind /proc "$root/proc"
		for directory in "${shared[@]}"; do
			mkdir -p "$root$directory"
			mount --bind "$directory" "$root$directory"
		done
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin make "${@:4}"
	' bash "$root" "$cache" "$weft_top" "$@"
}

# ccache serves results of other checkouts, but distinguishes files by path: the directory is mounted at one common
# path, in a mount namespace of its own. ccache would miss a new header that hides another one (compat-include/): the
# names of all headers are a part of its key. The headers of Debian's kernels use ccache through a variable.
compile_once() { # compile_once DIRECTORY ARGUMENTS...
	local directory=$1 place=$cache/place

	shift
	! is_uml "$series" || set -- "$@" CC="ccache gcc"
	(cd "$directory" && find . -name '*.h' | sort) >"$directory/headers"
	# shellcheck disable=SC2016 # for the other shell
	CCACHE_EXTRAFILES=$place/headers unshare --mount "${as[@]}" bash -e -c \
		'mount --bind "$1" "$2"; DEBIAN_KERNEL_USE_CCACHE=true exec make "${@:3}" M="$2"' \
		bash "$directory" "$place" "$@"
}

# Whether a mount is possible, and ccache has a writable folder.
can_compile_once() { # can_compile_once DIRECTORY
	[ "$purpose" != gcov ] && mkdir -p "$cache/place" && echo 'int unused;' >"$1/probe.c" &&
		unshare --mount "${as[@]}" mount --bind "$1" "$cache/place" &&
		ccache gcc -c "$1/probe.c" -o /dev/null
} >/dev/null 2>&1

build() { # build DIRECTORY HEADERS ARGUMENTS...
	local directory=$1 headers=$2 root=${2%/usr/src/*} run=(make)

	shift 2
	link_sources "$directory"
	if [ -x "$root/usr/bin/make" ]; then
		run=(make_in_root "$root")
		headers=${headers#"$root"}
	elif can_compile_once "$directory"; then
		run=(compile_once "$directory")
	fi
	"${run[@]}" -s -C "$headers" M="$directory" -j "$(nproc)" "$@" modules >&2
}

# On 32 bits every warning is an error: gcc only warns of a constant that overflows.
set_architecture() { # sets module_arguments
	arch_settings "$arch"
	[ $bits = 64 ] || module_arguments+=(KCFLAGS="-Werror -include $weft_top/selftests/arch/one_word.h")
}

main() {
	local module_arguments=(WEFT_SELFTESTS=m)
	local series=${1:?a series is needed} purpose=${2:-check} headers release directory

	shift $(($# < 2 ? $# : 2))
	! is_uml "$series" || set -- ARCH=um SUBARCH=x86_64 "$@"
	arch=$(arch_of "$series")
	[ -z "$arch" ] || set_architecture
	headers=$("$here/kernels.sh" headers "$series")
	release=${headers##*/linux-headers-}
	directory=$cache/build/$(echo "$weft_top" | sha256sum | cut -c 1-8)/$release-$purpose
	mkdir -p "${directory%/*}"
	with_lock "build-$release-$purpose" build "$directory" "$headers" "${module_arguments[@]}" "$@"
	echo "$directory/kmod/weft.ko"
}

main "$@"
