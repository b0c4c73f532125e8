#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds Linux as a program of this machine (ARCH=um) from Debian unstable's linux-source-7.2, with the patch and the
# config fragments in uml/: its code, and weft's, runs at the CPU's native speed. Series: uml, and uml-kasan with KASAN,
# lockdep and others. Ten minutes on two idle CPUs, twice that for uml-kasan; the results stay in the cache under a hash
# of patch and fragments.
#
#   uml.sh release SERIES     the cache's name for it: uml-kasan-0123456789abcdef
#   uml.sh built SERIES       whether the cache contains it
#   uml.sh build SERIES       a directory with image/RELEASE, with boot/ and lib/modules/ as a package has them, and
#                             usr/src/linux-headers-RELEASE, to build modules against with ARCH=um
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/host.sh"

source_package=linux-source-7.2
packages=(gcc make libc6-dev flex bison bc patch xz-utils cpio kmod perl python3)
patch=$here/uml/linux.patch
# Parts of the source that ARCH=um does not use, half of the tree. Kconfig reads its files for any configuration.
left_out=(
	'Documentation/*.*' tools/testing 'arch/*.dts*'
	{arch/[!Kux]\*,drivers/{gpu,media,net/ethernet,net/wireless,scsi,infiniband,staging,iio,usb,clk,pinctrl,platform},sound}/'*.[chS]'
)
# The path does not depend on the patch: the compiler's cache and module builds depend on the path.
tree=$cache/uml/source
tarball=$cache/uml/$source_package.tar.xz

fragments_of() { # fragments_of SERIES
	echo "$here/uml/plain.config"
	[ "$1" = uml ] || echo "$here/uml/${1#uml-}.config"
}

release_of() { # release_of SERIES
	# shellcheck disable=SC2046 # names without blanks
	echo "$1-$(cat "$patch" $(fragments_of "$1") | sha256sum | cut -c 1-16)"
}

fetch_source() {
	local work=$cache/uml/package

	[ ! -e "$tarball" ] || return 0
	rm -rf "$work"
	in_unstable unpack_package "$source_package" "$work"
	mv "$work/usr/src/${tarball##*/}" "$tarball"
	rm -rf "$work"
}

source_stamp() {
	cat "$tarball" "$patch" | sha256sum
}

unpack_source() {
	[ "$(cat "$tree/.weft" 2>/dev/null)" != "$(source_stamp)" ] || return 0
	say "unpacking and patching $source_package"
	rm -rf "$tree" "$tree.new"
	mkdir "$tree.new"
	tar -C "$tree.new" --strip-components=1 "${left_out[@]/#/--exclude=*/}" -xJf "$tarball"
	patch -d "$tree.new" -s -p1 --fuzz=0 --no-backup-if-mismatch <"$patch" ||
		die "the patch does not apply to this $source_package"
	source_stamp >"$tree.new/.weft"
	mv "$tree.new" "$tree"
}

make_tree() { # make_tree DIRECTORY ARGUMENTS...
	local directory=$1 compiler=gcc

	shift
	! command -v ccache >/dev/null || compiler="ccache gcc"
	make -s -C "$tree" O="$directory" ARCH=um SUBARCH=x86_64 CC="$compiler" HOSTCC="$compiler" -j "$(nproc)" \
		KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=weft KBUILD_BUILD_HOST=weft "$@" >>"$log" 2>&1 ||
		{ tail -n 40 "$log" >&2; die "make $* failed"; }
}

# The options of the fragments that Kconfig did not accept. The last setting of an option counts.
not_granted() { # not_granted CONFIG FRAGMENT...
	local config=$1

	shift
	awk -F= -v config="$config" '
		/^CONFIG_/ { wanted[$1] = substr($0, length($1) + 2) }
		END {
			while ((getline line <config) > 0)
				if (split(line, part, "=") > 1)
					got[part[1]] = substr(line, length(part[1]) + 2)
			for (name in wanted)
				if ((name in got ? got[name] : "n") != wanted[name])
					print name "=" wanted[name]
		}' "$@"
}

configure() { # configure SERIES DIRECTORY
	local fragments missing

	mapfile -t fragments < <(fragments_of "$1")
	make_tree "$2" tinyconfig
	(cd "$2" && "$tree/scripts/kconfig/merge_config.sh" -m -O . .config "${fragments[@]}") >>"$log" 2>&1
	make_tree "$2" olddefconfig
	missing=$(not_granted "$2/.config" "${fragments[@]}")
	[ -z "$missing" ] || die "$1 lacks options of its fragments: $missing"
}

# Modules are built against the kernel's own tree, more than half of which are headers.
install_results() { # install_results DIRECTORY
	local release

	release=$(cat "$1/build/include/config/kernel.release")
	mkdir -p "$1/image/$release/boot" "$1/usr/src"
	cp "$1/build/linux" "$1/image/$release/boot/vmlinuz-$release"
	make_tree "$1/build" modules_install INSTALL_MOD_PATH="$1/image/$release"
	rm -f "$1/image/$release/lib/modules/$release"/{build,source}
	ln -s ../../build "$1/usr/src/linux-headers-$release"
	find "$1/build" -name '*.o' ! -path '*/scripts/*' ! -path '*/arch/*' -delete
}

is_whole() { # is_whole DIRECTORY: built, and from the present source
	[ -e "$1/.source" ] && cmp -s "$1/.source" "$tree/.weft"
}

build() { # build SERIES DIRECTORY
	local started=$SECONDS log=$2.log

	install_packages "${packages[@]}"
	fetch_source
	unpack_source
	! is_whole "$2" || return 0
	rm -rf "$2"
	mkdir -p "$2/build"
	: >"$log"
	configure "$1" "$2/build"
	say "building ${2##*/}: ten minutes on two idle CPUs, longer with KASAN"
	make_tree "$2/build" linux modules
	install_results "$2"
	cp "$tree/.weft" "$2/.source"
	say "built ${2##*/} in $((SECONDS - started)) s"
}

main() {
	local release directory

	is_uml "${2?a series is needed}" || die "'$2' is no Linux as a program; expected uml or uml-kasan"
	release=$(release_of "$2")
	directory=$cache/uml/$release
	case $1 in
	release)
		echo "$release"
		;;
	built)
		is_whole "$directory"
		;;
	build)
		mkdir -p "$cache/uml"
		is_whole "$directory" || with_lock uml-build build "$2" "$directory"
		echo "$directory"
		;;
	*)
		die "'$1' is no command; expected release, built or build"
		;;
	esac
}

main "$@"
