#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make install: each file is where its reader expects it, below DESTDIR, and the units call the installed command;
# make uninstall leaves only /etc/weft.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
bad=0

ok() { # ok NAME COMMAND...: one result line
	local name=$1

	count=$((count + 1))
	shift
	if "$@" >"$work/output" 2>&1; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' "$work/output"
		bad=1
	fi
}

target() { # target NAME VARIABLE=VALUE...
	env -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS make -s -C "$top" "$@" DESTDIR="$work/root"
}

# Those of the tree; tests and files for tools of development are not installed.
files_below() { # files_below FOLDER INSTALLED
	local file

	(cd "$top/$1" && find . -type f) | while read -r file; do
		case $file in ./tests/*|*/.*) ;; *) echo "$2/${file#./}" ;; esac
	done
}

# Exactly the expected files.
has_files() { # has_files PREFIX
	{
		for file in bin/weft share/bash-completion/completions/weft share/zsh/site-functions/_weft share/man/man4/weft.4 \
			share/man/man5/weft-fleet.5 share/man/man5/weft.conf.5 share/man/man8/weft-fleet.8 share/man/man8/weft.8 \
			share/weft/weft.rules.yml share/weft/weft-dashboard.json; do
			echo "$1/$file"
		done
		for file in "$top"/tools/stores/*; do
			echo "$1/lib/weft/${file##*/}"
		done
		for file in "$top"/tools/systemd/*; do
			echo "$1/lib/systemd/system/${file##*/}"
		done
		files_below tools/ansible "$1/share/ansible/collections/ansible_collections/weft/fleet"
	} | sort >"$work/expected"
	(cd "$work/root" && find . -type f | sed 's/^\.//' | sort) | diff "$work/expected" -
}

units_call() { # units_call PROGRAM
	local calls

	calls=$(sed -n -E 's/^Exec[A-Za-z]*=([^ ]*).*/\1/p' "$work/root${1%/bin/*}"/lib/systemd/system/*.service | sort -u)
	echo "the units call: $calls"
	[ "$calls" = "$1" ]
}

runs() { # runs PROGRAM
	"$work/root$1" --version | grep -F "$(sed -n 's/^#define WEFT_VERSION.*"\(.*\)"$/\1/p' "$top"/kmod/version.h)"
}

refuses() { # refuses PREFIX: and installs nothing
	! target install PREFIX="$1" && ! target uninstall PREFIX="$1" && [ ! -e "$work/root" ]
}

is_empty() {
	[ -z "$(find "$work/root" -type f)" ] && [ -d "$work/root/etc/weft" ]
}

for prefix in /usr /usr/local; do
	rm -rf "$work/root"
	ok "$prefix: make install" target install PREFIX=$prefix
	ok "$prefix: each file is where it belongs" has_files $prefix
	ok "$prefix: configuration is the owner's alone" [ "$(stat -c %a "$work/root/etc/weft")" = 700 ]
	ok "$prefix: the units call the installed command" units_call $prefix/bin/weft
	ok "$prefix: the installed command runs" runs $prefix/bin/weft
	chmod 0750 "$work/root/etc/weft"
	ok "$prefix: make install once more" target install PREFIX=$prefix
	ok "$prefix: the folder of configuration keeps its mode" [ "$(stat -c %a "$work/root/etc/weft")" = 750 ]
	ok "$prefix: make uninstall" target uninstall PREFIX=$prefix
	ok "$prefix: /etc/weft alone is left" is_empty
done
ok "make uninstall where nothing is installed" target uninstall PREFIX=/opt/none
# shellcheck disable=SC2016 # for make
for prefix in relative '' '/opt/a&b' '/opt/a,b' '/opt/a b' '/opt/$$(id)'; do
	rm -rf "$work/root"
	ok "PREFIX '$prefix' is refused" refuses "$prefix"
done
echo "1..$count"
exit $bad
