#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make check-distro: weft's packages in Debian's releases. For each: a root file system from its own packages, the
# packages installed there, then booted in QEMU with its own kernel and systemd. One stream of TAP, and last a line with
# the sum.
#
#   TESTS      names (default: all). install: the packages in the root file system; the others, in the booted machine,
#              are the scripts in guest/
#   DISTROS    releases (default: all)
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/distro/host.sh
. "$here/host.sh"
# shellcheck source=selftests/run/tap.sh
. "$here/../run/tap.sh"

DISTROS=${DISTROS:-$suites}
# In this order: the last test removes the packages.
all_tests="install up wg-quick networkd networkmanager fleet purge"
limit=900

# Converts one line of the machine to TAP without numbers.
machine_line() { # machine_line SUITE LINE
	case $2 in
	"start "*)
		read -r _ current number <<<"$2"
		plan='' cases=0
		;;
	"| ok "*|"| not ok "*)
		[[ $2 =~ ^\|\ (ok|not\ ok)\ [0-9]+\ -\ (.*)$ ]] || return
		cases=$((cases + 1))
		echo "${BASH_REMATCH[1]} - $1 $current: ${BASH_REMATCH[2]}"
		;;
	"| 1.."*)
		plan=${2#| 1..}
		;;
	"| "*)
		echo "# $1 $current: ${2#| }"
		;;
	"end "*)
		ended+=" $current "
		[ "$plan" = "$cases" ] ||
			echo "not ok - $1 $current: ran the cases it planned (planned '$plan', ran $cases, status ${2##* })"
		;;
	"died "*)
		echo "not ok - $1 ${2#died }: the machine survives it"
		;;
	"done")
		finished=1
		;;
	*)
		echo "# $1: $2"
		;;
	esac
}

boot() { # boot SUITE TEST...
	local suite=$1 line name

	shift
	current='' plan='' cases=0 ended='' finished=''
	while IFS= read -r line; do
		machine_line "$suite" "${line%$'\r'}"
	done < <("$here/boot.sh" -t $limit -l "$work/$suite.console" "$root" "$work/$suite.disk" 2>&1)
	for name; do
		[[ $ended == *" $name "* ]] || echo "not ok - $suite $name: ended"
	done
	[ -n "$finished" ] || tail -n 40 "$work/$suite.console" | tr -d '\r' | sed "s/^/# $suite console: /"
}

check_suite() { # check_suite SUITE
	local suite=$1 booted started=$SECONDS

	root=$("$here/root.sh" "$suite") || { echo "not ok - $suite: a root file system"; return; }
	booted=$(printf '%s\n' $chosen | grep -v '^install$')
	# shellcheck disable=SC2086 # a list
	TESTS=$(echo $booted) "$here/install.sh" "$suite" "$root" "$work/$suite.disk" "${debs[@]}"
	# shellcheck disable=SC2086 # a list
	[ -z "$booted" ] || boot "$suite" $booted
	rm -f "$work/$suite.disk"
	echo "# $suite: $((SECONDS - started)) seconds"
}

choose() { # checks the names in TESTS and DISTROS; sets chosen
	local name

	chosen=''
	for name in ${TESTS:-$all_tests}; do
		[[ " $all_tests " == *" $name "* ]] || die "'$name' is no test; there are: $all_tests"
	done
	for name in $all_tests; do
		[[ " ${TESTS:-$all_tests} " != *" $name "* ]] || chosen+="$name "
	done
	for name in $DISTROS; do
		[[ " $suites " == *" $name "* ]] || die "'$name' is no release that is tested; there are: $suites"
	done
}

build_packages() { # sets debs
	OUT=$work/debs "$weft_top/tools/deb.sh" >"$work/deb-log" 2>&1 || { cat "$work/deb-log"; return 1; }
	debs=("$work"/debs/weft-dkms_*.deb "$work"/debs/weft-tools_*.deb "$work"/debs/weft-fleet_*.deb)
}

main() {
	choose
	unset TESTS MAKEFLAGS MAKEOVERRIDES MFLAGS
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	{
		echo "TAP version 13"
		if build_packages; then
			echo "ok - packages: built, and lintian is content"
			for suite in $DISTROS; do
				check_suite "$suite"
			done
		else
			sed 's/^/# packages: /' "$work/deb-log"
			echo "not ok - packages: built, and lintian is content"
		fi
	} | merge
}

main
