#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make lint: what can be said about the sources without running them.
#
#   LINTS     names (default: all): build checkpatch kerneldoc shellcheck ynl layering length versions man
#   KERNELS   series (default: 6.1 6.12)
set -u -o pipefail
# shellcheck source=selftests/vm/host.sh
. "$(dirname "$0")/vm/host.sh"
cd "$weft_top" || exit 1

KERNELS=${KERNELS:-6.1 6.12}
all="build checkpatch kerneldoc shellcheck ynl layering length versions man"
longest_function=80

written_c() { # every C file that a person wrote
	find kmod tools selftests -name '*.[ch]' ! -name '*.mod.c' ! -path '*/build/*' ! -path 'kmod/netlink-gen.*' \
		! -path 'kmod/uapi/*'
}

# All warnings of the compiler's and of sparse's, byte orders included.
lint_build() {
	local series log status=0

	log=$(mktemp)
	for series in $KERNELS; do
		if ! selftests/vm/module.sh "$series" lint W=1 KCFLAGS=-Werror C=2 CF=-D__CHECK_ENDIAN__ >"$log" 2>&1; then
			cat "$log"
			echo "weft does not build cleanly for $series"
			status=1
		elif grep -E '(warning|error): |C=2 specified, but' "$log"; then
			echo "sparse has something to say about the build for $series"
			status=1
		fi
	done
	rm -f "$log"
	return $status
}

checkpatch() { # checkpatch OPTIONS...: the files come on standard input
	local log status=0

	log=$(mktemp)
	xargs perl "$source_tree/scripts/checkpatch.pl" --no-tree --strict --terse --show-types "$@" -f >"$log" 2>&1 || status=1
	grep -v '^total: 0 errors, 0 warnings, 0 checks' "$log"
	rm -f "$log"
	return $status
}

# The wrappers are the one place that may ask for the kernel's version.
lint_checkpatch() {
	local status=0

	written_c | grep -E '^(kmod|tools|selftests/fault)/' | grep -vE '/compat-include/|/trace\.h$' | checkpatch || status=1
	# Tracepoints are written in a language of their own.
	written_c | grep '/trace\.h$' | checkpatch --ignore COMPLEX_MACRO,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT || status=1
	written_c | grep /compat-include/ | checkpatch --ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON || status=1
	return $status
}

lint_kerneldoc() {
	written_c | grep '^kmod/' | xargs perl "$source_tree/scripts/kernel-doc" -none -Werror
}

# Warnings and errors; of those, SC2317 takes functions that are called by name, as cases are, for dead.
lint_shellcheck() {
	{ find selftests tools .ci -name '*.sh'; find tools/debian -name '*.p*inst' -o -name '*.p*rm'; echo .ci/run; echo selftests/vm/init; } |
		xargs shellcheck -x -S warning -P selftests:selftests/debug -e SC2317
}

lint_ynl() {
	bash selftests/ynl.sh "$source_tree" check
}

lint_layering() {
	bash selftests/layering.sh && bash selftests/layering.sh --self-check
}

lint_length() {
	local long

	long=$(written_c | xargs ctags --languages=C --langmap=C:.c.h --c-kinds=f --fields=+ne -f - |
		awk -F '\t' -v longest=$longest_function '{
			for (i = 4; i <= NF; i++) {
				if ($i ~ /^line:/) start = substr($i, 6)
				if ($i ~ /^end:/) end = substr($i, 5)
			}
			if (end - start + 1 > longest) print $2 ":" start ": " $1 "() is " end - start + 1 " lines long"
		}')
	[ -z "$long" ] || { echo "$long"; return 1; }
}

# What differs between kernels stands in headers that wrap the kernel's.
lint_versions() {
	! grep -rnE 'LINUX_VERSION_CODE|KERNEL_VERSION' kmod --include='*.[ch]' --exclude='*.mod.c' --exclude-dir=compat-include
}

# Which other manual pages there are is the machine's affair.
lint_man() {
	local page said

	for page in Documentation/man/*; do
		said=$(mandoc -T lint "$page" 2>/dev/null | grep -v 'referenced manual not found'
			groff -ww -mdoc -T utf8 "$page" 2>&1 >/dev/null)
		[ -z "$said" ] || { printf '%s\n' "$said"; return 1; }
	done
}

main() {
	local name status=0 log

	for name in ${LINTS:-$all}; do
		[[ " $all " == *" $name "* ]] || die "'$name' is no lint; there are: $all"
	done
	unset MAKEFLAGS MAKEOVERRIDES MFLAGS
	source_tree=$(selftests/vm/kernels.sh source) || exit 1
	log=$(mktemp)
	for name in ${LINTS:-$all}; do
		if "lint_$name" >"$log" 2>&1; then
			echo "lint $name: ok"
		else
			cat "$log"
			echo "lint $name: FAILED"
			status=1
		fi
	done
	rm -f "$log"
	exit $status
}

main
