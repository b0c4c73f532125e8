#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: ends with the module in use.
. "$(dirname "$0")/../../kselftest/lib.sh"

hold() {
	ip link add held type "$KIND"
}

run_case "a case that holds the module" hold
