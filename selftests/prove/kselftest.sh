#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Proves that selftests/kselftest works under the kernel's own kselftest: linked into its tree, it builds, installs, and
# lists its tests. TAP.
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

number=0
failed=0

check() { # check LABEL COMMAND...
	local what=$1 verdict=ok

	shift
	number=$((number + 1))
	"$@" >"$work/log" 2>&1 || { verdict="not ok"; failed=1; sed 's/^/# /' "$work/log"; }
	echo "$verdict $number - $what"
}

lists_all() {
	local name

	"$work/install/run_kselftest.sh" -l >"$work/list"
	for name in $(grep -l '^\. .*/lib\.sh"$' "$weft_top"/selftests/kselftest/*.sh); do
		grep -qx "weft:${name##*/}" "$work/list" || { echo "${name##*/} is not listed"; return 1; }
	done
	grep -c . "$work/list"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "TAP version 13"
source_tree=$("$weft_top/selftests/run/vm/kernels.sh" source) || exit 1
cp -r "$source_tree" "$work/tree"
ln -s "$weft_top/selftests/kselftest" "$work/tree/tools/testing/selftests/weft"
make_kselftest=(make -s -C "$work/tree/tools/testing/selftests" TARGETS=weft SKIP_TARGETS=)
check "builds in a kernel tree" "${make_kselftest[@]}"
check "installs" "${make_kselftest[@]}" install INSTALL_PATH="$work/install"
check "every test is listed" lists_all
check "its helpers are installed" test -e "$work/install/weft/lib.sh"
check "its settings are installed" test -e "$work/install/weft/settings"
echo "1..$number"
exit $failed
