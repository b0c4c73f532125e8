#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make deb: the packages weft-dkms, weft-tools and weft-fleet. The tree is copied aside, debian/ is put into the copy, and
# dpkg-buildpackage runs there; the results go to OUT (default: tools/build). Missing packages are installed from Debian.
#
#   OUT                     where the packages go
#   ARCH                    only weft-tools, for another architecture, by Debian's cross compiler
#   DEBFULLNAME, DEBEMAIL   the maintainer in the packages
set -eu -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../selftests/run/vm/host.sh"
# shellcheck source=selftests/run/vm/arch.sh
. "$(dirname "$0")/../selftests/run/vm/arch.sh"
cd "$weft_top"

OUT=${OUT:-tools/build}
parts=(COPYING Documentation Kbuild Makefile NEWS.md README.md kmod tools)
packages=(
	build-essential debhelper dh-dkms lintian libjson-c-dev libncurses-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev
	libsodium-dev pkg-config
)

version() {
	sed -n 's/^#define WEFT_VERSION.*"\(.*\)"$/\1/p' kmod/version.h
}

maintainer() {
	echo "${DEBFULLNAME:-weft maintainers} <${DEBEMAIL:-maintainers@weft.invalid}>"
}

# The date of the newest change, for reproducible packages.
date_of_tree() {
	local seconds

	seconds=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y kmod/version.h)}
	LC_ALL=C date -u -R -d "@$seconds"
}

fill_in() { # fill_in FILE: on standard output
	sed -e "s|@VERSION@|$(version)|" -e "s|@MAINTAINER@|$(maintainer)|" -e "s|@DATE@|$(date_of_tree)|" "$1"
}

stage() { # stage DIRECTORY
	mkdir "$1"
	tar -c --exclude='*.o' --exclude='*.d' --exclude='*.ko' --exclude='*.mod' --exclude='*.mod.c' --exclude='.*.cmd' \
		--exclude=tools/build --exclude=tools/weft "${parts[@]}" | tar -x -C "$1"
	mv "$1/tools/debian" "$1/debian"
	fill_in tools/debian/changelog.in >"$1/debian/changelog"
	fill_in tools/debian/control >"$1/debian/control"
	rm "$1/debian/changelog.in"
}

build() { # build DIRECTORY OPTIONS...
	(cd "$1" && unset MAKEFLAGS MAKEOVERRIDES MFLAGS && dpkg-buildpackage "${@:2}" -us -uc -j"$(nproc)")
}

# debhelper finds libraries, and what dpkg would know of them, where they have been unpacked.
build_for() ( # build_for ARCH DIRECTORY
	arch_settings "$1"
	use_sysroot "$1"
	cp -r "$root/var/lib/dpkg" "$work/records" || exit
	sed -i "s,^\./\(usr/\)\?lib,$root/usr/lib," "$work"/records/info/*.list || exit
	export PKG_CONFIG=pkg-config SHLIBDEPS="-l$root/usr/lib/$libraries --admindir=$work/records"
	build "$2" -B -d -a "$1" -Pcross,nocheck
)

# Replaces older ones of the same architecture.
publish() {
	local file name

	mkdir -p "$OUT"
	for file in "$work"/weft-{dkms,tools,fleet}_*.deb; do
		[ -e "$file" ] || continue
		name=${file##*/}
		rm -f "$OUT/${name%%_*}"_*"_${name##*_}"
		mv "$file" "$OUT"
		echo "$OUT/$name"
	done
}

main() {
	[ -n "$(version)" ] || die "kmod/version.h has no WEFT_VERSION"
	install_packages "${packages[@]}"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	stage "$work/weft"
	if [ -n "${ARCH-}" ]; then
		quietly build_for "$ARCH" "$work/weft"
	else
		quietly build "$work/weft" -b
	fi || die "dpkg-buildpackage failed"
	# Unless the environment sets one, the maintainer's address ends in a host name that does not exist.
	lintian --allow-root --fail-on error,warning "$work"/*.changes || die "lintian has something to say"
	publish
}

main
