#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: exceeds its time limit.
# timeout: 5
. "$(dirname "$0")/../../kselftest/lib.sh"

run_case "a case that takes too long" sleep 60
