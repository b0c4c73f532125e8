#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make check-fleet: the Ansible collection. A lint, and ansible.sh with each version of ansible-core in a VM. TAP.
#
#   TESTS      names (default: all but etcd): lint hostile agent etcd 2.14 2.19
#   NODES      of etcd (default: 20)
#   KERNELS    series (default: uml, since Python takes minutes where its instructions are emulated)
#
# agent and etcd are about "weft fleet run", in a VM: four agents with a folder, and twenty with a real etcd.
# hostile needs no virtual machine: three nodes on this machine, with a command that was built with sanitizers.
# 2.14 is this machine's, as in Debian 12. 2.19 is Debian 13's in a root of Debian 13, whose Python and OpenSSH run controller
# and nodes. A test without its ansible-core, or without ansible-lint, is skipped.
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"
# shellcheck source=selftests/run/tap.sh
. "$(dirname "$0")/../run/tap.sh"
cd "$weft_top" || exit 1

with_ansible() { # with_ansible VERSION SERIES
	local module programs=$work/programs-$1 status=0

	bash selftests/fleet/programs.sh "$1" "$programs" >"$work/why" || status=$?
	[ $status != 3 ] || { echo "ok - $2 fleet/ansible: ansible-core $1 # SKIP $(cat "$work/why")"; return; }
	[ $status = 0 ] || { echo "not ok - $2 fleet/ansible: ansible-core $1"; return; }
	module=$(selftests/run/vm/module.sh "$2" 2>"$work/log") || { sed 's/^/# /' "$work/log"; echo "not ok - $2 build: weft.ko"; return; }
	PROGRAMS=$programs with_verdict "$2 $1" selftests/run/vm/run.sh -k "$module" "$2" fleet/ansible |
		sed -u "s,fleet/ansible:,fleet/ansible $1:,"
}

agents() { # agents TEST SERIES
	local module

	module=$(selftests/run/vm/module.sh "$2" 2>"$work/log") || { sed 's/^/# /' "$work/log"; echo "not ok - $2 build: weft.ko"; return; }
	with_verdict "$2 $1" selftests/run/vm/run.sh -k "$module" "$2" "fleet/$1"
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

# Facts of a node that was taken over take the place of variables: each file that uses hosts' values checks them first.
facts_checked() {
	local name bad=''

	for name in admit collect apply; do
		[ "$(grep -m 1 -oE '(untouched\.yml|weft_[a-z_]+)' "tools/ansible/roles/node/tasks/$name.yml")" = untouched.yml ] || bad+=" $name"
	done
	[ -z "$bad" ] || { echo "not ok - lint: facts are checked first, not in:$bad"; return; }
	echo "ok - lint: facts are checked before hosts' values are used"
}

# Without a kernel: with this machine's ansible-core.
hostile() {
	command -v ansible-playbook >/dev/null || { echo "ok - hostile: all of it # SKIP ansible-core is not installed"; return; }
	make -s -C selftests/tools -j "$(nproc)" build/weft >"$work/log" 2>&1 || { sed 's/^/# /' "$work/log"; echo "not ok - hostile: build"; return; }
	suite hostile env ASAN_OPTIONS="${ASAN_OPTIONS-detect_leaks=0}" bash selftests/fleet/hostile.sh selftests/tools/build/weft
}

main() {
	local test series

	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	make -s -C tools >&2 || exit 1
	export VM_ENVIRONMENT="CASES NODES" VM_NOTES=1 VM_MEMORY=2500 WALL_LIMIT=${WALL_LIMIT:-3600}
	{
		echo "TAP version 13"
		for test in ${TESTS:-lint hostile agent 2.14 2.19}; do
			case $test in
			lint)
				lint
				facts_checked
				;;
			hostile)
				hostile
				;;
			agent|etcd)
				for series in ${KERNELS:-uml}; do
					agents "$test" "$series"
				done
				;;
			2.14|2.19)
				for series in ${KERNELS:-uml}; do
					with_ansible "$test" "$series"
				done
				;;
			*)
				die "'$test' is no test; there are: lint hostile agent etcd 2.14 2.19"
				;;
			esac
		done
	} | merge
}

main
