#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make check-fleet: the Ansible collection. A lint, and ansible.sh with each version of ansible-core in a VM. TAP.
#
#   TESTS      names (default: all): lint 2.14 2.19
#   KERNELS    series (default: uml, since Python takes minutes where its instructions are emulated)
#
# 2.14 is this machine's, as in Debian 12, and 2.19 is unpacked from Debian 13's package; both run with this machine's Python.
# A test without its ansible-core, or without ansible-lint, is skipped.
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"
# shellcheck source=selftests/run/tap.sh
. "$(dirname "$0")/../run/tap.sh"
cd "$weft_top" || exit 1

site=/usr/lib/python3/dist-packages
# ansible-core's dependencies; its cli asks for the versions of some.
libraries=(yaml _yaml jinja2 markupsafe packaging resolvelib PyYAML-*info Jinja2-*info MarkupSafe-*info packaging-*info resolvelib-*info)

write_trixie_source() { # write_trixie_source FILE
	local mirror

	mirror=$(debian_mirror Debian)
	[ -n "$mirror" ] || die "cannot tell Debian's mirror"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$1"
}

# With lists, cache and dpkg status of its own.
unpack_newer() { # unpack_newer DIRECTORY
	local lists=$cache/trixie suite_options

	[ ! -e "$1" ] || return 0
	mkdir -p "$lists"/{lists,archives}/partial
	: >"$lists/status"
	write_trixie_source "$lists/sources.list"
	suite_options=(
		-o Dir::Etc::sourcelist="$lists/sources.list" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=-
		-o Dir::State::lists="$lists/lists" -o Dir::State::status="$lists/status" -o Dir::Cache="$lists"
		-o Debug::NoLocking=true -o APT::Sandbox::User=root
	)
	refresh_lists
	rm -rf "$1.new"
	unpack_package ansible-core "$1.new"
	mv "$1.new" "$1"
}

# Sets root to the file system with that ansible-core, or why to the reason for none.
find_ansible() { # find_ansible VERSION
	root='' why=''
	case $1 in
	2.14)
		package_installed ansible-core || why="ansible-core is not installed"
		;;
	2.19)
		root=$cache/packages-ansible-core-trixie
		(with_lock ansible-trixie unpack_newer "$root") >&2 || why="no package ansible-core of Debian 13"
		;;
	esac
	[ -n "$why" ] || grep -q "^__version__ = '$1\." "$root$site/ansible/release.py" ||
		why="ansible-core is $(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$root$site/ansible/release.py")"
}

# Compiled here: the guest would do that at each start.
copy_ansible() { # copy_ansible VERSION PROGRAMS
	local directory=$2/ansible-$1 library

	mkdir -p "$directory" "$2/locale" "$2/collections/ansible_collections/weft"
	cp -r "$root$site/ansible" "$root$site"/ansible_core-*info "$directory/"
	for library in "${libraries[@]}"; do
		# shellcheck disable=SC2086 # a pattern
		cp -r $site/$library "$directory/"
	done
	/usr/bin/python3 -m compileall -q "$directory" >/dev/null 2>&1
	cp -rL /usr/lib/locale/C.utf8 "$2/locale/"
	cp -rL /usr/lib/locale/C.utf8 "$2/locale/C.UTF-8"
	cp -r tools/ansible "$2/collections/ansible_collections/weft/fleet"
}

with_ansible() { # with_ansible VERSION SERIES
	local module

	find_ansible "$1"
	[ -z "$why" ] || { echo "ok - $2 fleet/ansible: ansible-core $1 # SKIP $why"; return; }
	module=$(selftests/run/vm/module.sh "$2" 2>"$work/log") || { sed 's/^/# /' "$work/log"; echo "not ok - $2 build: weft.ko"; return; }
	copy_ansible "$1" "$work/programs-$1"
	PROGRAMS=$work/programs-$1 ANSIBLE=$1 with_verdict "$2 $1" selftests/run/vm/run.sh -k "$module" "$2" fleet/ansible |
		sed -u "s,fleet/ansible:,fleet/ansible $1:,"
}

# The lint sees the collection below the path of collections, as an installed one.
lint() {
	local collections=$work/lint

	command -v /usr/bin/ansible-lint >/dev/null || { echo "ok - lint: ansible-lint # SKIP ansible-lint is not installed"; return; }
	mkdir -p "$collections/ansible_collections/weft"
	cp -r tools/ansible "$collections/ansible_collections/weft/fleet"
	if (cd "$collections/ansible_collections/weft/fleet" &&
		ANSIBLE_COLLECTIONS_PATH=$collections NO_COLOR=1 /usr/bin/ansible-lint -p) >"$work/log" 2>&1; then
		echo "ok - lint: ansible-lint"
	else
		sed 's/^/# /' "$work/log"
		echo "not ok - lint: ansible-lint"
	fi
	if grep -q "^version: $(sed -n 's/.*WEFT_VERSION[[:space:]]*"\(.*\)"/\1/p' kmod/version.h)$" tools/ansible/galaxy.yml; then
		echo "ok - lint: the collection has the version of weft"
	else
		echo "not ok - lint: the collection has the version of weft"
	fi
}

main() {
	local test series

	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	make -s -C tools >&2 || exit 1
	export VM_ENVIRONMENT="ANSIBLE CASES" VM_NOTES=1 VM_MEMORY=2500 WALL_LIMIT=${WALL_LIMIT:-3600}
	{
		echo "TAP version 13"
		for test in ${TESTS:-lint 2.14 2.19}; do
			case $test in
			lint)
				lint
				;;
			2.14|2.19)
				for series in ${KERNELS:-uml}; do
					with_ansible "$test" "$series"
				done
				;;
			*)
				die "'$test' is no test; there are: lint 2.14 2.19"
				;;
			esac
		done
	} | merge
}

main
