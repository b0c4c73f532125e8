#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds debug kernels from Debian's linux-source-6.12, with the config fragments in selftests/debug/:
# 6.12-kasan (A: KASAN, lockdep, DEBUG_OBJECTS, kmemleak, UBSAN) and 6.12-kcsan (B: KCSAN, lockdep). Some fifteen minutes
# each on two idle CPUs; the results stay in the cache under a hash of fragments and source.
#
#   debug.sh release SERIES     the cache's name for it: 6.12-kasan-0123456789abcdef
#   debug.sh build SERIES       a directory with image/RELEASE, with boot/ and lib/modules/ as a package has them, and
#                               usr/src/linux-headers-RELEASE, to build modules against
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/run/vm/host.sh
. "$here/host.sh"

source_package=linux-source-6.12
fragments=$weft_top/selftests/debug
# The path is constant, because the compiler's cache depends on it.
tree=$cache/debug/linux

source_version() {
	if package_installed "$source_package"; then
		dpkg-query -W -f '${Version}' "$source_package"
	else
		package_known "$source_package" || refresh_lists
		apt-cache policy "$source_package" | awk '$1 == "Candidate:" { print $2 }'
	fi
}

fragments_of() { # fragments_of SERIES
	echo "$fragments/base.config" "$fragments/common.config" "$fragments/${1##*-}.config"
}

release_of() { # release_of SERIES
	local release version

	for release in ${KERNEL_RELEASES-}; do
		[[ $release != "$1"-* ]] || { echo "$release"; return; }
	done
	version=$(source_version)
	[ -n "$version" ] || die "Debian has no $source_package here"
	# shellcheck disable=SC2046 # names without blanks
	echo "$1-$({ echo "$version"; cat $(fragments_of "$1"); } | sha256sum | cut -c 1-16)"
}

unpack_source() {
	local tarball=/usr/src/$source_package.tar.xz

	rm -rf "$tree" "$tree.package"
	mkdir -p "$tree"
	if [ ! -e "$tarball" ]; then
		unpack_package "$source_package" "$tree.package"
		tarball=$tree.package$tarball
	fi
	say "unpacking $source_package"
	tar -C "$tree" --strip-components=1 -xJf "$tarball"
	rm -rf "$tree.package"
}

# The options of the fragments that the final configuration lacks.
not_granted() { # not_granted FRAGMENT...
	sed -n -e 's/^\(CONFIG_[A-Z0-9_]*\)=.*/\1/p' -e 's/^# \(CONFIG_[A-Z0-9_]*\) is not set$/\1/p' "$@" | sort -u |
		while read -r name; do
			wanted=$(cat "$@" | grep -E "^$name=|^# $name is not set$" | tail -n 1)
			grep -qxF -- "$wanted" "$tree/.config" && continue
			# A missing option counts as not set.
			[[ $wanted == "# "* ]] && ! grep -q "^$name=" "$tree/.config" && continue
			echo "$wanted"
		done
}

# The local version identifies the kernel in the guest, and keeps files apart that are cached by a kernel's release.
configure() { # configure SERIES LOCAL_VERSION
	local missing

	(
		cd "$tree"
		make -s tinyconfig
		# shellcheck disable=SC2046 # names without blanks
		scripts/kconfig/merge_config.sh -m .config $(fragments_of "$1")
		scripts/config --set-str LOCALVERSION "$2"
		make -s olddefconfig
	) >"$tree.log" 2>&1 || { tail -n 20 "$tree.log" >&2; die "could not configure $1"; }
	# shellcheck disable=SC2046
	missing=$(not_granted $(fragments_of "$1"))
	[ -z "$missing" ] || die "$1 lacks options of its fragments: $missing"
}

make_tree() { # make_tree ARGUMENTS...
	local compiler=gcc

	! command -v ccache >/dev/null || compiler="ccache gcc"
	make -s -C "$tree" -j "$(nproc)" CC="$compiler" HOSTCC="$compiler" KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=weft \
		KBUILD_BUILD_HOST=weft "$@" >>"$tree.log" 2>&1 || { tail -n 40 "$tree.log" >&2; die "make $* failed"; }
}

# KASAN's kernel is too large for the decompressor's mappings and boots as an ELF file; KCSAN's boots only as a
# bzImage.
install_boot() { # install_boot SERIES DIRECTORY RELEASE
	local file=arch/x86/boot/bzImage

	[ "${1##*-}" != kasan ] || file=vmlinux
	mkdir -p "$2/boot"
	cp "$tree/$file" "$2/boot/vmlinuz-$3"
	cp "$tree/System.map" "$2/boot/System.map-$3"
}

install_results() { # install_results SERIES DIRECTORY
	local release image

	release=$(cat "$tree/include/config/kernel.release")
	image=$2/image/$release
	install_boot "$1" "$image" "$release"
	make_tree modules_install INSTALL_MOD_PATH="$image"
	rm -f "$image/lib/modules/$release"/{build,source}
	# shellcheck disable=SC2016 # for make
	make_tree run-command KBUILD_RUN_COMMAND='$(srctree)/scripts/package/install-extmod-build '"$2/usr/src/linux-headers-$release"
	cp "$tree/.config" "$2/usr/src/linux-headers-$release/.config"
}

build() { # build SERIES DIRECTORY
	local started=$SECONDS

	[ ! -e "$2" ] || return 0
	rm -rf "$2.new"
	unpack_source
	configure "$1" "-${2##*/6.12-}"
	say "building ${2##*/}: a quarter of an hour on two idle CPUs, half an hour on one"
	make_tree vmlinux bzImage modules
	install_results "$1" "$2.new"
	rm -rf "$tree"
	mv "$2.new" "$2"
	say "built ${2##*/} in $((SECONDS - started)) s"
}

main() {
	local release directory

	is_debug "${2?a series is needed}" || die "'$2' is no debug kernel; expected 6.12-kasan or 6.12-kcsan"
	release=$(release_of "$2")
	directory=$cache/debug/$release
	case $1 in
	release)
		echo "$release"
		;;
	build)
		mkdir -p "$cache/debug"
		[ -e "$directory" ] || with_lock debug-build build "$2" "$directory"
		echo "$directory"
		;;
	*)
		die "'$1' is no command; expected release or build"
		;;
	esac
}

main "$@"
