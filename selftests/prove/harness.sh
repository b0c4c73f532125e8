#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Proves that the harness detects failures: runs planted tests and checks the verdict on each. TAP.
#
#   harness.sh [SERIES]
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

series=${1:-6.12}
number=0
failed=0

report() { # report STATUS WORDS: a test of the harness
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=$((failed + 1))
	fi
}

# Expects a verdict in run.sh's format.
wanted() { # wanted VERDICT TEST CASE
	grep -qxF -- "$1 - $series prove/planted/$2: $3" "$work/output"
	report $? "sees of $2: $1, ${3/\# SKIP/skipped:}"
}

unwanted() { # unwanted TEST CASE
	! grep -qF -- " - $series prove/planted/$1: $2" "$work/output"
	report $? "says nothing of $1: $2"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "TAP version 13"
KIND=wireguard "$weft_top/selftests/run/vm/run.sh" "$series" \
	prove/planted/{bad,numbers,absent,skip,silent,slow,warn,leave,crash,hold,good} >"$work/output"
status=$?
[ $status = 1 ]
report $? "the status says that something failed"
wanted ok good "a case that passes"
wanted ok good "everything created is gone"
wanted ok good "the module unloads"
wanted "not ok" bad "a case with a failing command"
wanted "not ok" bad "a case with a failing expectation"
wanted ok numbers "a skip # SKIP planted"
wanted "not ok" numbers "a word between two numbers"
wanted "not ok" numbers "an empty number"
wanted "not ok" numbers "an empty value"
wanted "not ok" numbers "a helper that fails within a substitution"
wanted "not ok" numbers "a helper that fails within a poll"
wanted "not ok" numbers "a status that looks like a skip"
wanted ok numbers "a failure that is expected"
wanted "not ok" absent "set-up"
unwanted absent "the module unloads"
wanted ok skip "all of it # SKIP planted"
wanted "not ok" silent "ran the cases it planned (planned '', ran 0, status 0)"
wanted "not ok" slow "ended in time"
wanted "not ok" warn "the kernel has nothing to complain about"
wanted "not ok" leave "no namespace is left"
wanted "not ok" crash "the machine survives it"
wanted "not ok" hold "everything created is gone"
# A device that is no KVM: the probe of the first machine with two CPUs fails, and the machine has its own command after it.
: >"$work/kvm"
[ "$(KVM=$work/kvm "$weft_top/selftests/run/vm/boot.sh" -m smp "$series" 'echo it runs' 2>"$work/probe")" = "it runs" ]
report $? "a machine that probes KVM runs its command"
grep -q 'probing /dev/kvm' "$work/probe"
report $? "... and has probed it"
rm -f "$cache"/kvm-*"${work//\//-}-kvm"

# The hook for subjects of commits: messages with \n between lines.
hook() { # hook STATUS MESSAGE
	local status=0

	printf '%b\n' "$2" >"$work/message"
	sh "$weft_top/hooks/commit-msg" "$work/message" 2>/dev/null || status=$?
	[ $status = "$1" ]
	report $? "the hook answers with $1 to: $2"
}

hook 0 'area: do this'
hook 0 'one, two/three: do this\n\nReasons.'
hook 0 '# This is a combination of 2 commits.\n\narea: do this\n\nReasons.'
hook 0 'amend! whatever it was'
hook 1 'no area'
hook 1 'area: ends with a dot.'
hook 1 'area: do this\nand that'
hook 1 "area: $(printf 'x%.0s' {1..100})"

# The hooks as git runs them: a copy of the tree is a repository, in which the command of CONTRIBUTING.md switches them on.
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=weft GIT_AUTHOR_EMAIL=weft@weft.invalid
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL

tree_with_hooks() (
	mkdir "$work/tree" && cd "$work/tree" || exit 1
	tar -C "$weft_top" -c --exclude=./.git --exclude=build --exclude='*.o' --exclude='*.ko' . | tar -x || exit 1
	command=$(sed -n 's/^    \(git config core.hooksPath [^ ]*\) .*/\1/p' CONTRIBUTING.md)
	# shellcheck disable=SC2086 # words of a command
	[ -n "$command" ] && git init -q && $command && git add -A
)

commit() { # commit STATUS MESSAGE WORDS: git's status, and what it prints
	local status=0

	(cd "$work/tree" && git add -A && git commit -m "$2") >"$work/commit" 2>&1 || status=$?
	[ $status = "$1" ] && grep -qF -- "$3" "$work/commit"
	report $? "a commit '$2' ends with $1: $3"
}

tree_with_hooks
report $? "the command of CONTRIBUTING.md switches the hooks on"
commit 1 'no area' "is not of the form 'area: what, in the imperative'"
commit 0 'area: do this' "lint words: ok"
printf 'ls |%s\n' ' grep -q x' >"$work/tree/selftests/fault.sh"
commit 1 'area: do this' "lint pipes: FAILED"

echo "1..$number"
[ $failed = 0 ] || sed 's/^/# /' "$work/output"
[ $failed = 0 ]
