#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes a root of Debian 13 with its ansible-core, Python and OpenSSH, from its packages, and prints the directory. It is
# cached under a hash of this file, and must not be modified.
set -eu -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

packages=(
	ansible-core openssh-client openssh-server libc-bin dash bash coreutils util-linux mount grep sed mawk findutils diffutils procps hostname
	iproute2 iputils-ping kmod nftables libnl-3-200 libnl-genl-3-200 libnl-route-3-200 libsodium23 libjson-c5
)
# Parts that no playbook reads: half of the size. Their dependants are not started.
unwanted=(
	usr/share/{zoneinfo,bash-completion,perl,perl5,gcc,ieee-data,terminfo,common-licenses,debconf,lintian}
	usr/lib/{systemd,udev,tmpfiles.d,sysusers.d} usr/lib/x86_64-linux-gnu/{gconv,perl-base,perl,systemd,security}
	usr/bin/{perl\*,systemd\*,busctl,journalctl,loginctl,openssl,wget} usr/lib/python3/dist-packages/{netaddr,dns}
	usr/lib/python3.13/{test,idlelib,ensurepip,tkinter,turtledemo,pydoc_data} usr/share/python3 var etc/systemd
)

# With lists, cache and dpkg status of its own.
trixie_options() { # sets suite_options
	local lists=$cache/trixie mirror

	mirror=$(debian_mirror Debian)
	[ -n "$mirror" ] || die "cannot tell Debian's mirror"
	mkdir -p "$lists"/{lists,archives}/partial
	: >"$lists/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$lists/sources.list"
	suite_options=(
		-o Dir::Etc::sourcelist="$lists/sources.list" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=-
		-o Dir::State::lists="$lists/lists" -o Dir::State::status="$lists/status" -o Dir::Cache="$lists"
		-o Debug::NoLocking=true -o APT::Sandbox::User=root
	)
}

# The names that the guest has, with the links that maintainer scripts would make.
finish_root() { # finish_root DIRECTORY
	# shellcheck disable=SC2068 # patterns
	(cd "$1" && rm -rf ${unwanted[@]})
	mkdir -p "$1"/{sys,run,root,tmp,weft,var/lib/weft,var/tmp,etc/ssh,etc/weft,usr/lib/modules}
	ln -sf /weft/tools/weft "$1/usr/bin/weft"
	ldconfig -r "$1"
	# Compiled here: the guest would do that at each start.
	chroot "$1" /usr/bin/python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3 \
		/usr/lib/python3.13 >/dev/null || true
}

make_root() { # make_root DIRECTORY
	[ ! -e "$1" ] || return 0
	say "making a root of Debian 13 with ansible-core"
	rm -rf "$1.new"
	trixie_options
	refresh_lists
	unpack_whole "$1.new" "${packages[@]}"
	finish_root "$1.new"
	mv "$1.new" "$1"
}

main() {
	local directory

	directory=$cache/fleet/trixie-$(sha256sum <"$weft_top/selftests/fleet/trixie.sh" | cut -c 1-16)
	mkdir -p "${directory%/*}"
	with_lock ansible-trixie make_root "$directory"
	echo "$directory"
}

main
