#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs weft's packages in a copy of a distribution's root file system, where DKMS compiles the module, makes a
# disk of it, and removes the packages again; prints TAP without numbers.
#
#   install.sh SUITE ROOT_DIRECTORY DISK WEFT_DKMS_DEB WEFT_TOOLS_DEB WEFT_FLEET_DEB
#
# The booted disk runs guest/run.sh with the tests in its /weft/queue.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/distro/host.sh
. "$here/host.sh"

failures=0

report() { # report STATUS LABEL: 0 is good; otherwise $work/said contains the reason
	if [ "$1" = 0 ]; then
		echo "ok - $suite install: $2"
	else
		failures=$((failures + 1))
		echo "not ok - $suite install: $2"
		tail -n 40 "$work/said" | sed "s/^/# $suite install: /"
	fi
}

check() { # check LABEL COMMAND...
	local what=$1

	shift
	(set -e; "$@") >"$work/said" 2>&1
	report $? "$what"
}

# Lists all files with their attributes, except for those that dpkg, depmod and useradd (its copies /etc/passwd- and
# others) write in each run, and the keys that DKMS generates once.
listing() { # listing ROOT
	(cd "$1" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./run -o -path ./weft \) -prune -o \
		! -path './var/lib/dpkg/*' ! -path './var/log/*' ! -path './var/lib/dkms/mok.*' \
		! -path './var/cache/ldconfig/*' ! -name 'modules.*.bin' ! -path './etc/*-' \
		\( -type d -printf '%M %U:%G %p\n' -o -printf '%M %U:%G %p %s %l\n' \)) | sort
}

# Checks the dkms.conf of the tree, without packages.
checkout_is_taken() {
	local version

	version=$(sed -n 's/^#define WEFT_VERSION.*"\(.*\)"$/\1/p' "$weft_top/kmod/version.h")
	cp -r "$weft_top/kmod" "$root/tmp/kmod"
	in_root "$root" dkms add /tmp/kmod
	in_root "$root" dkms status | grep "^weft/$version: added"
	in_root "$root" dkms remove "weft/$version" --all
	rm -rf "$root/tmp/kmod" "$root/usr/src/weft-$version"
}

install_packages_there() {
	cp "$dkms_deb" "$tools_deb" "$fleet_deb" "$root/tmp/"
	in_root "$root" dpkg -i "/tmp/${dkms_deb##*/}" "/tmp/${tools_deb##*/}" "/tmp/${fleet_deb##*/}"
	rm "$root"/tmp/*.deb
}

module_is_installed() {
	local release module

	release=$(ls "$root/lib/modules")
	module=$(find "$root/lib/modules/$release/updates" -name 'weft.ko*')
	[ -n "$module" ] || { echo "no weft.ko below updates/"; in_root "$root" dkms status; return 1; }
	grep -q '^alias rtnl-link-weft weft$' "$root/lib/modules/$release/modules.alias" ||
		{ echo "depmod does not know the alias rtnl-link-weft"; return 1; }
}

module_is_signed() {
	local release signer

	release=$(ls "$root/lib/modules")
	signer=$(in_root "$root" modinfo -k "$release" -F signer weft)
	[[ $signer == *DKMS* ]] || { echo "the signer is '$signer'"; return 1; }
}

command_runs() {
	local version

	version=$(in_root "$root" weft --version)
	[ "$version" = "weft $(dpkg-deb -f "$tools_deb" Version)" ] || { echo "it says '$version'"; return 1; }
}

configuration_is_private() {
	[ "$(stat -c '%a %U' "$root/etc/weft")" = "700 root" ] || { stat "$root/etc/weft"; return 1; }
}

units_are_sound() {
	local said

	said=$(in_root "$root" systemd-analyze verify --man=no weft@fleet0.service weft-fleet-apply@fleet0.service \
		weft-fleet@fleet0.service weft-resolve.service weft-resolve.timer 2>&1 |
		grep weft || true)
	[ -z "$said" ] || { echo "$said"; return 1; }
}

completion_answers() {
	local said

	# shellcheck disable=SC2016 # expanded by the inner shell
	said=$(in_root "$root" bash -c '. /usr/share/bash-completion/bash_completion
		. /usr/share/bash-completion/completions/weft
		COMP_WORDS=(weft gen) COMP_CWORD=1 COMP_LINE="weft gen" COMP_POINT=8
		_weft weft gen weft
		echo "${COMPREPLY[*]}"')
	[ "$said" = "genkey genpsk" ] || { echo "for 'weft gen' it offers '$said'"; return 1; }
}

pages_are_there() {
	local page

	for page in man4/weft.4 man5/weft.conf.5 man5/weft-fleet.5 man8/weft.8 man8/weft-fleet.8; do
		[ -s "$root/usr/share/man/$page.gz" ] || { echo "no $page.gz"; return 1; }
	done
}

# Every file of the tree, and no other.
same_files() { # same_files FOLDER INSTALLED
	diff <(cd "$weft_top/$1" && find . -type f ! -path './tests/*' ! -path '*/.*' | sort) <(cd "$root$2" && find . -type f | sort)
}

collection_is_there() {
	local playbook collection=/usr/share/ansible/collections/ansible_collections/weft/fleet

	same_files tools/ansible $collection
	for playbook in mesh rotate revoke status; do
		[ -s "$root$collection/playbooks/$playbook.yml" ] || { echo "no playbook $playbook"; return 1; }
	done
}

monitoring_is_there() {
	same_files tools/monitoring /usr/share/weft
}

# A unit starts the tests in the machine. The disk has room for the files, and for more to be written.
make_disk() {
	local unit=$root/etc/systemd/system/weft-selftests.service

	mkdir -p "$root/weft"
	cp -r "$weft_top/selftests/kselftest/lib.sh" "$here"/guest "$root/weft/"
	cat >"$unit" <<-'UNIT'
		[Unit]
		Description=Tests in the booted machine
		After=multi-user.target

		[Service]
		Type=simple
		ExecStart=/bin/bash /weft/guest/run.sh
		StandardOutput=journal

		[Install]
		WantedBy=default.target
	UNIT
	mkdir -p "$root/etc/systemd/system/default.target.wants"
	ln -sf ../weft-selftests.service "$root/etc/systemd/system/default.target.wants/"
	printf '%s\n' "${TESTS-}" >"$root/weft/queue"
	# The newest wireguard-tools run on releases with a recent C library.
	[ "$suite" != trixie ] || in_unstable unpack_package wireguard-tools "$root/weft/newest"
	truncate -s 2G "$disk"
	mke2fs -q -t ext4 -O ^has_journal -d "$root" "$disk"
	rm -rf "$unit" "$root/etc/systemd/system/default.target.wants" "$root/weft"
}

# The account of the stores' programs stays, locked, as Debian's packages do with theirs: files may still belong to it.
purge_leaves_nothing() {
	in_root "$root" dpkg --purge weft-fleet weft-dkms weft-tools
	grep '^weft-store:[^:]*:[0-9]*:[0-9]*::/nonexistent:/usr/sbin/nologin$' "$root/etc/passwd"
	grep '^weft-store:[!*]' "$root/etc/shadow"
	in_root "$root" userdel weft-store
	listing "$root" >"$work/after"
	diff "$work/before" "$work/after"
}

main() {
	suite=$1 disk=$3 dkms_deb=$4 tools_deb=$5 fleet_deb=$6
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	root=$work/root
	cp -a "$2" "$root" || die "cannot copy $2"
	listing "$root" >"$work/before"
	check "dkms add takes the module from a checkout" checkout_is_taken
	check "dpkg -i, DKMS compiling for the release's kernel" install_packages_there
	check "DKMS's module is where modprobe finds it" module_is_installed
	check "DKMS's own key has signed it" module_is_signed
	check "weft --version" command_runs
	check "/etc/weft is the administrator's alone" configuration_is_private
	check "systemd finds no fault in the units" units_are_sound
	check "bash completes commands" completion_answers
	check "the manual pages are there" pages_are_there
	check "the collection weft.fleet is there, and its playbooks are" collection_is_there
	check "alert rules and dashboard are there" monitoring_is_there
	check "a disk" make_disk
	check "purge leaves every file as it was before" purge_leaves_nothing
	[ $failures = 0 ]
}

main "$@"
