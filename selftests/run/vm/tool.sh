#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the command for another architecture, in a directory of its own in the cache that follows the sources, and prints its
# path.
#
#   tool.sh ARCH
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/run/vm/arch.sh
. "$here/arch.sh"

build() { # build DIRECTORY
	mkdir -p "$1"
	rsync -a --delete --exclude='*.o' --exclude='*.d' --exclude=/tools/weft --exclude=/tools/build \
		"$weft_top/tools" "$1/"
	rsync -a --delete --relative "$weft_top/./kmod/uapi" "$weft_top/./kmod/version.h" "$1/"
	make -s -C "$1/tools" -j "$(nproc)" WERROR=-Werror CC="$CC" >&2
}

main() {
	local directory

	arch_settings "${1:?an architecture is needed}"
	use_sysroot "$1"
	directory=$cache/build/$(echo "$weft_top" | sha256sum | cut -c 1-8)/tools-$1
	with_lock "tools-$1-$(basename "${directory%/*}")" build "$directory"
	echo "$directory/tools/weft"
}

main "$@"
