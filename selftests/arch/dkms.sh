#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Compiles the module for another architecture by DKMS, as the package weft-dkms has it done where it is installed, except that
# the compiler is Debian's cross compiler. TAP. DKMS is unpacked, not installed; its sources, results and keys are in a folder
# of their own.
#
#   dkms.sh ARCH SERIES
set -eu -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"
# shellcheck source=selftests/run/vm/arch.sh
. "$(dirname "$0")/../run/vm/arch.sh"

fetch_dkms() { # fetch_dkms DIRECTORY
	[ ! -e "$1" ] || return 0
	rm -rf "$1.new"
	unpack_package dkms "$1.new"
	mv "$1.new" "$1"
}

# What tools/debian/rules puts into the package.
copy_sources() { # copy_sources DIRECTORY VERSION
	mkdir -p "$1"
	(cd "$weft_top/kmod" && find . -name '*.[ch]' ! -name '*.mod.c' -o -name Kbuild | cpio -pdm --quiet "$1")
	sed "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$2\"/" "$weft_top/kmod/dkms.conf" >"$1/dkms.conf"
}

# DKMS calls the machine's own strip.
own_programs() { # own_programs DIRECTORY
	mkdir "$1"
	ln -s "$(command -v "$triple-strip")" "$1/strip"
}

run_dkms() { # run_dkms VERSION RELEASE HEADERS
	env PATH="$work/programs:$PATH" MAKEFLAGS="${module_arguments[*]}" sign_file="$3/scripts/sign-file" \
		mok_signing_key="$work/key" mok_certificate="$work/certificate" \
		bash "$cache/package-dkms/usr/sbin/dkms" build "weft/$1" -k "$2" -a "$user" --kernelsourcedir "$3" \
		--dkmstree "$work/dkms" --sourcetree "$work/source" --installtree "$work/modules"
}

signed_for() { # signed_for MODULE RELEASE
	[ "$(modinfo -F vermagic "$1" | cut -d ' ' -f 1)" = "$2" ] && [ "$(modinfo -F signer "$1")" = "DKMS module signing key" ]
}

main() {
	local headers release module version=1

	arch_settings "${1:?an architecture is needed}"
	headers=$("$(dirname "$0")/../run/vm/kernels.sh" headers "${2:?a series is needed}")
	release=${headers##*/linux-headers-}
	with_lock dkms fetch_dkms "$cache/package-dkms"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$work/dkms" "$work/modules/$release"
	own_programs "$work/programs"
	copy_sources "$work/source/weft-$version" "$version"
	echo "TAP version 13"
	run_dkms "$version" "$release" "$headers" >"$work/log" 2>&1 || { tail -n 40 "$work/log" "$work"/dkms/weft/*/build/make.log; exit 1; }
	module=$(echo "$work/dkms/weft/$version/$release"/*/module/weft.ko*)
	signed_for "$module" "$release" || { cat "$work/log"; modinfo "$module"; exit 1; }
	echo "ok 1 - DKMS builds and signs the module"
}

main "$@"
