#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make lint: static checks of the sources.
#
#   LINTS     names (default: all): build checkpatch kerneldoc shellcheck pipes ynl layering length versions man faults
#             facts words python spelling coccicheck and, of the command, clang tidy scan analyzer
#   KERNELS   series (default: 6.1 6.12)
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"
cd "$weft_top" || exit 1

KERNELS=${KERNELS:-6.1 6.12}
all="build checkpatch kerneldoc shellcheck pipes ynl layering length versions man faults facts words python spelling coccicheck"
all+=" clang tidy scan analyzer"
# Lines of a function, in module and command and in tests.
longest_function=47
longest_test=80

written_c() { # every C file that a person wrote
	find kmod tools selftests -name '*.[ch]' ! -name '*.mod.c' ! -path '*/build/*' ! -path 'kmod/control/netlink-gen.*' \
		! -path 'kmod/uapi/*'
}

# All warnings of the compiler's, of sparse's, byte orders included, and of clang's.
lint_build() {
	local series log status=0

	log=$(mktemp)
	for series in $KERNELS; do
		if ! selftests/run/vm/module.sh "$series" lint W=1 KCFLAGS=-Werror C=2 \
			CHECK="$weft_top/selftests/lint/cc-check.sh" CF=-D__CHECK_ENDIAN__ >"$log" 2>&1; then
			cat "$log"
			echo "weft does not build cleanly for $series"
			status=1
		elif grep -E '(warning|error): |C=2 specified, but' "$log"; then
			echo "sparse or clang reports warnings in the build for $series"
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

# Only the wrappers may check the kernel's version.
lint_checkpatch() {
	local list_types=COMPLEX_MACRO,MACRO_ARG_REUSE,MACRO_ARG_UNUSED,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,TRAILING_SEMICOLON
	local status=0

	written_c | grep -E '^(kmod|tools|selftests/(prove/fault|kunit))/' | grep -vE '/compat-include/|/(trace|drop_reason)\.h$' | checkpatch || status=1
	# Tracepoints are written in a language of their own, and a table of macros is a list.
	written_c | grep -E '/(trace|drop_reason)\.h$' |
		checkpatch --ignore "$list_types" || status=1
	written_c | grep /compat-include/ | checkpatch --ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON || status=1
	return $status
}

lint_kerneldoc() {
	written_c | grep '^kmod/' | xargs perl "$source_tree/scripts/kernel-doc" -none -Werror
}

# Warnings and errors; of those, SC2317 takes functions that are called by name, as cases are, for dead.
lint_shellcheck() {
	{ find selftests tools .ci -name '*.sh'; find tools/debian -name '*.p*inst' -o -name '*.p*rm'; printf '%s\n' hooks/* .ci/run selftests/run/vm/init; } |
		xargs shellcheck -x -S warning -P selftests/kselftest:selftests/debug:selftests/prove/planted -e SC2317
}

lint_ynl() {
	bash selftests/lint/ynl.sh "$source_tree" check
}

lint_layering() {
	python3 selftests/lint/layering.py && python3 selftests/lint/layering.py --self-check
}

lint_length() {
	local long

	long=$(written_c | xargs ctags --languages=C --langmap=C:.c.h --c-kinds=f --fields=+ne -f - |
		awk -F '\t' -v function_lines=$longest_function -v test_lines=$longest_test '{
			longest = $2 ~ /^selftests/ ? test_lines : function_lines
			for (i = 4; i <= NF; i++) {
				if ($i ~ /^line:/) start = substr($i, 6)
				if ($i ~ /^end:/) end = substr($i, 5)
			}
			if (end - start + 1 > longest) print $2 ":" start ": " $1 "() is " end - start + 1 " lines long"
		}')
	[ -z "$long" ] || { echo "$long"; return 1; }
}

# A grep -q ends at its first match, and the writer of its pipe may get SIGPIPE, which pipefail takes for a failure: at
# times, if the output takes more than one write.
lint_pipes() {
	! grep -rnE '[^|]\| *grep( -[a-z-]+)* -[a-zA-Z]*q' .ci selftests --exclude-dir=build --include='*.sh' --include=run
}

# Differences between kernels are handled in headers that wrap the kernel's.
lint_versions() {
	! grep -rnE 'LINUX_VERSION_CODE|KERNEL_VERSION' kmod --include='*.[ch]' --exclude='*.mod.c' --exclude-dir=compat-include
}

# Other manual pages may be missing on this machine.
lint_man() {
	local page said

	for page in Documentation/man/*; do
		said=$(mandoc -T lint "$page" 2>/dev/null | grep -v 'referenced manual not found'
			groff -ww -mdoc -T utf8 "$page" 2>&1 >/dev/null)
		[ -z "$said" ] || { printf '%s\n' "$said"; return 1; }
	done
}

# returnvar.cocci does not see that the returned variable was written to through a pointer.
cocci_mistakes='^kmod/(datapath/xmit|core/staged)\.c:[0-9-]*:[0-9-]*: *Unneeded variable: "list"'

# Those of the kernel's patches that report, as far as Debian's spatch can run them: it has no OCaml.
cocci_patches() {
	local patch

	for patch in "$source_tree"/scripts/coccinelle/*/*.cocci; do
		if grep -q '^virtual report' "$patch" && ! grep -q ':ocaml' "$patch"; then
			echo "$patch"
		fi
	done
}

lint_coccicheck() {
	local said

	said=$(cocci_patches |
		xargs -P "$(nproc)" -I{} spatch --very-quiet --no-show-diff -D report --cocci-file {} \
			--dir kmod --include-headers 2>/dev/null) || { echo "spatch failed"; return 1; }
	said=$(grep . <<<"$said" | grep -vE "$cocci_mistakes") || return 0
	printf '%s\n' "$said"
	return 1
}

# The command's files, several in parallel; the output for each file is printed as one block.
each_tool() { # each_tool COMMAND...: file and flags come last
	local flags

	flags=$(pkg-config --cflags libnl-3.0 libnl-genl-3.0 libnl-route-3.0 json-c libsodium)
	# shellcheck disable=SC2016,SC2086 # for the other shell; a list of words
	printf '%s\n' tools/*/*.c | xargs -P "$(nproc)" -I{} bash -c 'said=$("${@:2}" 2>&1); status=$?
		[ -z "$said" ] || printf "%s\n" "$said"; exit $status' bash {} "$@" \
		-std=gnu11 -D_GNU_SOURCE -D__SANE_USERSPACE_TYPES__ -Itools -Ikmod/uapi $flags {}
}

lint_clang() {
	each_tool clang -fsyntax-only -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
		-Wno-missing-field-initializers
}

# The checks are configured in tools/.clang-tidy.
tidy_one() { # tidy_one FLAGS... FILE
	local file=${!#}

	clang-tidy --quiet "$file" -- "${@:1:$#-1}" 2>/dev/null
}

lint_tidy() {
	export -f tidy_one
	each_tool bash -c 'tidy_one "$@"' bash
}

# clang does not see through the lock that only the last user frees the list.
scan_mistakes='^tools/conf/lookup\.c:.*Use of memory after it is freed'

# The analysis that scan-build runs, without its pages.
lint_scan() {
	local said

	said=$(each_tool clang --analyze -Xclang -analyzer-output=text) || { printf '%s\n' "$said"; return 1; }
	said=$(grep -E 'warning: ' <<<"$said" | grep -vE "$scan_mistakes") || return 0
	printf '%s\n' "$said"
	return 1
}

# gcc 12 does not follow memory that is stored through a pointer to a structure of the caller, and reports a leak; nor does
# it know that strsep() returns at least one word.
analyzer_mistakes='^tools/(conf/profile|apply/save|host/change|doctor/names|conf/setting|fleet/apply|fleet/merge|fleet/step)\.c:.*-Wanalyzer-malloc-leak'
# Nor does it see that a loop's condition has checked the pointer, and that only the last user frees the list.
analyzer_mistakes+='|^tools/conf/resolve\.c:.*-Wanalyzer-use-of-uninitialized-value|^tools/(doctor/names|conf/locate)\.c:.*-Wanalyzer-possible-null'
analyzer_mistakes+='|^tools/conf/lookup\.c:.*-Wanalyzer-use-after-free|^tools/fleet/admin\.c:.*-Wanalyzer-double-free'
# In fleet/model.c it reports a leak without a place.
analyzer_mistakes+='|^cc1: warning: leak of .strdup\(&to\.text\)'

lint_analyzer() {
	local said

	said=$(each_tool gcc -O2 -fanalyzer -fdiagnostics-path-format=none -c -o /dev/null) || { printf '%s\n' "$said"; return 1; }
	said=$(grep -E 'warning: ' <<<"$said" | grep -vE "$analyzer_mistakes") || return 0
	printf '%s\n' "$said"
	return 1
}

lint_faults() {
	bash selftests/lint/faulttable.sh && bash selftests/lint/faulttable.sh --self-check && bash selftests/fuzz/run.sh --plants
}

lint_facts() {
	python3 selftests/lint/facts.py && python3 selftests/lint/facts.py --self-check && python3 selftests/prove/mutants.py -c
}

lint_words() {
	python3 selftests/lint/words.py && python3 selftests/lint/words.py --self-check
}

lint_python() {
	find selftests -name '*.py' ! -path '*/build/*' -exec pyflakes3 {} +
}

# Words that are not English: of nft and ip, names of links in tests, mandoc's own, and half of "to and fro".
own_words=iif,ue,nd,fro,upto

lint_spelling() {
	codespell -L $own_words --skip '*.svg,*.o,*.d,*.json,build,corpus,dict' Documentation hooks kmod selftests tools ./*.md
}

# Lints with a program of the kernel's source.
needs_source() { # needs_source LINT...
	[[ " $* " =~ " "(checkpatch|kerneldoc|ynl|coccicheck)" " ]]
}

main() {
	local name status=0 log

	for name in ${LINTS:-$all}; do
		[[ " $all " == *" $name "* ]] || die "'$name' is no lint; there are: $all"
	done
	unset MAKEFLAGS MAKEOVERRIDES MFLAGS
	if needs_source ${LINTS:-$all}; then source_tree=$(selftests/run/vm/kernels.sh source) || exit 1; fi
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
