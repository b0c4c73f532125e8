#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds weft.ko for one of Debian's kernels in a directory of its own in the cache, and prints the module's path. The
# directory holds links to the sources, so that it follows them, and two kernels do not overwrite each other.
#
#   module.sh SERIES [PURPOSE [MAKE ARGUMENTS...]]     PURPOSE keeps builds with other arguments apart
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"

link_sources() { # link_sources DIRECTORY
	mkdir -p "$1"
	find "$1" -xtype l -delete
	(cd "$weft_top" && find Kbuild kmod -name '*.[ch]' ! -name '*.mod.c' -o -name Kbuild) | while read -r file; do
		mkdir -p "$1/$(dirname "$file")"
		ln -sf "$weft_top/$file" "$1/$file"
	done
}

build() { # build DIRECTORY HEADERS ARGUMENTS...
	local directory=$1 headers=$2

	shift 2
	link_sources "$directory"
	make -s -C "$headers" M="$directory" -j "$(nproc)" "$@" modules >&2
}

main() {
	local series=${1:?a series is needed} purpose=${2:-check} headers release directory

	shift $(($# < 2 ? $# : 2))
	headers=$("$here/kernels.sh" headers "$series")
	release=${headers##*/linux-headers-}
	directory=$cache/build/$(echo "$weft_top" | sha256sum | cut -c 1-8)/$release-$purpose
	mkdir -p "${directory%/*}"
	with_lock "build-$release-$purpose" build "$directory" "$headers" "$@"
	echo "$directory/kmod/weft.ko"
}

main "$@"
