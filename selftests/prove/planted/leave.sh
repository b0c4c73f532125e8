#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: leaves a namespace that uses the module.
. "$(dirname "$0")/../../kselftest/lib.sh"

leave() {
	ip netns add stray
	ip -n stray link add stray0 type "$KIND"
}

run_case "a case that leaves a namespace" leave
