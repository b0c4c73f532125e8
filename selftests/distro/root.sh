#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes a root file system of one of Debian's releases from its own packages, with its own kernel, systemd and the
# dependencies of weft's packages, and prints its directory. It is cached under a hash of this file, and must not be
# modified.
#
#   root.sh SUITE
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/distro/host.sh
. "$here/host.sh"

packages=(
	systemd-sysv udev dbus kmod iproute2 iputils-ping procps nftables
	linux-image-cloud-amd64 linux-headers-cloud-amd64 dkms
	libnl-3-200 libnl-genl-3-200 libnl-route-3-200 libsodium23 libjson-c5 libncursesw6 openssl
	wireguard-tools network-manager bash-completion ansible-core
)
# Documentation is left out: it is half of the files, and no test reads it.
unwanted=("/usr/share/doc/*" "/usr/share/man/*" "/usr/share/locale/*")

# The settings by which this machine's apt reaches its mirrors.
apt_options() {
	apt-config dump | sed -n -E 's/^(Acquire::(http|https|Retries)[^ ]* ".+";)$/--aptopt=\1/p'
}

sources() { # sources SUITE
	local debian security

	debian=$(debian_mirror Debian)
	[ -n "$debian" ] || { refresh_lists; debian=$(debian_mirror Debian); }
	[ -n "$debian" ] || die "this machine's apt knows no mirror of Debian"
	security=$(debian_mirror Debian-Security)
	echo "deb $debian $1 main"
	[ -z "$security" ] || echo "deb $security $1-security main"
}

# No initramfs is made there: boot.sh provides a small one.
bootstrap() { # bootstrap SUITE DIRECTORY
	local options lines

	mapfile -t options < <(apt_options)
	mapfile -t lines < <(sources "$1")
	[ ${#lines[@]} != 0 ] || exit 1
	INITRD=No mmdebstrap --quiet --mode=root --variant=apt --format=directory "${options[@]}" \
		"${unwanted[@]/#/--dpkgopt=path-exclude=}" --include="$(IFS=,; echo "${packages[*]}")" "$1" "$2" "${lines[@]}"
}

# Units that take time and are not needed by tests.
quieten() { # quieten DIRECTORY
	local unit

	for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer \
		getty@.service serial-getty@.service systemd-pstore.service e2scrub_reap.service; do
		ln -sf /dev/null "$1/etc/systemd/system/$unit"
	done
	in_root "$1" systemctl --quiet disable NetworkManager.service NetworkManager-wait-online.service \
		NetworkManager-dispatcher.service
	rm -rf "$1/var/log/journal" "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
	rm -f "$1/etc/machine-id"
	in_root "$1" systemd-machine-id-setup 2>/dev/null
	echo 127.0.0.1 localhost weft >"$1/etc/hosts"
	echo weft >"$1/etc/hostname"
}

make_root() { # make_root SUITE DIRECTORY
	[ ! -e "$2" ] || return 0
	say "making a root file system of $1"
	rm -rf "$2.new"
	quietly bootstrap "$1" "$2.new" || die "mmdebstrap could not make a root file system of $1"
	quieten "$2.new"
	mv "$2.new" "$2"
}

# Deletes root file systems that were not used for two weeks.
delete_old_roots() {
	find "$cache/distro" -mindepth 1 -maxdepth 1 -mtime +14 -exec rm -rf {} +
}

main() {
	local suite=${1:?a suite is needed} directory

	[ "$(id -u)" = 0 ] || die "needs root"
	[[ " $suites " == *" $suite "* ]] || die "'$suite' is no release that is tested; there are: $suites"
	install_packages mmdebstrap debian-archive-keyring
	directory=$cache/distro/$suite-$(sha256sum <"$here/root.sh" | cut -c 1-16)
	mkdir -p "$cache/distro"
	with_lock "distro-$suite" make_root "$suite" "$directory"
	touch "$directory"
	delete_old_roots
	echo "$directory"
}

main "$@"
