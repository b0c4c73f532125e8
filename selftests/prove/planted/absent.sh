#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: the module under test does not load.
export KIND=no-such-module
. "$(dirname "$0")/../../kselftest/lib.sh"

run_case "a case that needs the module" true
