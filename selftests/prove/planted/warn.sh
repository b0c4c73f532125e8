#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: the kernel logs a warning, and the test passes.
. "$(dirname "$0")/../../kselftest/lib.sh"

warn() {
	echo "WARNING: planted" >/dev/kmsg
}

run_case "a case with a warning" warn
