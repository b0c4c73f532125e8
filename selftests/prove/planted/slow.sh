#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: takes longer than it may.
# timeout: 5
. "$(dirname "$0")/../../kselftest/lib.sh"

run_case "a case that takes too long" sleep 60
