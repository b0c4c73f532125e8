#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Fills a folder for boot.sh -d with ansible-core, and the collection. The folder has ansible-2.14, this machine's modules
# for the guest's Python, or trixie, a root of Debian 13 with its own; play.sh starts either in the guest.
#
#   programs.sh VERSION FOLDER    status 3: this machine has no ansible-core of that version; the reason is printed
set -eu -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

site=/usr/lib/python3/dist-packages
# ansible-core's dependencies; its cli asks for the versions of some.
libraries=(yaml _yaml jinja2 markupsafe packaging resolvelib PyYAML-*info Jinja2-*info MarkupSafe-*info packaging-*info resolvelib-*info)

absent() { # absent REASON
	echo "$1"
	exit 3
}

expect_version() { # expect_version VERSION ROOT
	local release=$2$site/ansible/release.py

	grep -q "^__version__ = '$1\." "$release" ||
		absent "ansible-core is $(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$release")"
}

# Compiled here: the guest would do that at each start.
copy_modules() { # copy_modules FOLDER
	local directory=$1/ansible-2.14 library

	package_installed ansible-core || absent "ansible-core is not installed"
	expect_version 2.14 ""
	mkdir -p "$directory" "$1/locale"
	cp -r $site/ansible $site/ansible_core-*info "$directory/"
	for library in "${libraries[@]}"; do
		# shellcheck disable=SC2086 # a pattern
		cp -r $site/$library "$directory/"
	done
	/usr/bin/python3 -m compileall -q --invalidation-mode unchecked-hash "$directory" >/dev/null 2>&1
	cp -rL /usr/lib/locale/C.utf8 "$1/locale/"
	cp -rL /usr/lib/locale/C.utf8 "$1/locale/C.UTF-8"
}

copy_root() { # copy_root FOLDER
	local root

	root=$(bash "$weft_top/selftests/fleet/trixie.sh") || absent "no root of Debian 13"
	expect_version 2.19 "$root"
	mkdir -p "$1"
	cp -a "$root" "$1/trixie"
}

main() {
	case $1 in
	2.14)
		copy_modules "$2"
		;;
	2.19)
		copy_root "$2"
		;;
	*)
		die "'$1' is no version; expected 2.14 or 2.19"
		;;
	esac
	mkdir -p "$2/collections/ansible_collections/weft"
	cp -r "$weft_top/tools/ansible" "$2/collections/ansible_collections/weft/fleet"
}

main "$@"
