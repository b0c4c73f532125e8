#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: crashes the machine.
. "$(dirname "$0")/../../kselftest/lib.sh"

crash() {
	echo c >/proc/sysrq-trigger
}

run_case "a case that crashes" crash
