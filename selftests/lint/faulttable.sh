#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each fault in the tables of Documentation/networking/weft-test-results.rst names tests, and each of those
# exists:
#
#   ``NAME.sh: CASE``           a case of selftests/kselftest/NAME.sh, or ``NAME.sh``, all of them; ``debug/NAME.sh`` likewise
#   ``unit/NAME.c: CASE``       of the unit tests, or kunit/;  ``tools/NAME.c: WORDS``  words in a test of the command's
#   ``fuzz/NAME.c``             a fuzzer
#   ``make TARGET``             a target of the Makefile
#
#   faulttable.sh                 checks the page
#   faulttable.sh --self-check    plants errors in a copy, and expects each to be found
set -eu -o pipefail
selftests=$(cd "$(dirname "$0")/.." && pwd)
page=$selftests/../Documentation/networking/weft-test-results.rst
section="Known faults"

# One line for each row: its number of tests, and the fault; and one for each test: TEST and its name.
rows() { # rows PAGE
	awk -v section="$section" '
		function ended() { if (fault != "") print "ROW\t" tests "\t" fault; fault = ""; tests = 0 }
		$0 == section { inside = 1 }
		!inside { next }
		/^   \* - / { ended(); fault = substr($0, 8) }
		/^     *[-|]/ && match($0, /``[^`]+``/) { tests++; print "TEST\t" substr($0, RSTART + 2, RLENGTH - 4) }
		END { ended() }' "$1"
}

has_case() { # has_case FILE CASE
	CASE="run_case \"$2\" " awk '!/^[ \t]*#/ && index($0, ENVIRON["CASE"]) { found = 1 } END { exit !found }' "$1"
}

exists() { # exists TEST
	local file=${1%%: *} name=${1#*: }

	[[ $file == */* ]] || file=kselftest/$file
	file=$selftests/$file
	case $1 in
	"make "*)
		grep -q "^${1#make }:" "$selftests/../Makefile"
		;;
	*.sh)
		grep -q '^[[:space:]]*run_case ' "$file"
		;;
	fuzz/*.c)
		[ -e "$file" ]
		;;
	*.sh:*)
		[ -e "$file" ] && has_case "$file" "$name"
		;;
	unit/*.c:* | kunit/*.c:*)
		[ -e "$file" ] && grep -qF "TEST_CASE($name)" "$file"
		;;
	tools/*.c:*)
		[ -e "$file" ] && grep -qF -- "$name" "$file"
		;;
	*)
		return 1
		;;
	esac
}

# A heading of a table is a row without a test.
check_page() { # check_page PAGE
	local kind first rest bad=0 faults=0

	while IFS=$'\t' read -r kind first rest; do
		if [ "$kind" = TEST ]; then
			exists "$first" 2>/dev/null || { echo "there is no test '$first'"; bad=1; }
		elif [ "$rest" != Fault ]; then
			faults=$((faults + 1))
			[ "$first" -gt 0 ] || { echo "no test for: $rest"; bad=1; }
		fi
	done < <(rows "$1")
	[ $faults -gt 0 ] || { echo "there are no faults in $1"; bad=1; }
	return $bad
}

self_check() {
	local copy plant

	copy=$(mktemp)
	# shellcheck disable=SC2064 # the file of now
	trap "rm -f '$copy'" EXIT
	while read -r plant; do
		sed -e "$plant" "$page" >"$copy"
		! cmp -s "$page" "$copy" || { echo "nothing was planted by $plant"; return 1; }
		! check_page "$copy" >/dev/null || { echo "not found: $plant"; return 1; }
	done <<-'PLANTS'
		s/``dump.sh: the peer at the cursor is removed``/``dump.sh: the peer at the cursor is remove``/
		s/``dump.sh: the peer at the cursor is removed``/``dumb.sh: the peer at the cursor is removed``/
		s/``unit\/test_reorder.c: reorder_threads``/``unit\/test_reorder.c: reorder_thread``/
		s/``xmit-order.sh: polled with a budget of 0``/``make bugs``/
		s/^     - | ``regressions.sh: padding is zeros.*/     - |/
		/^Known faults/d
	PLANTS
}

case ${1-} in
'')
	check_page "$page"
	;;
--self-check)
	self_check
	;;
*)
	echo "faulttable.sh: '$1' is no option; expected --self-check or nothing" >&2
	exit 2
	;;
esac
