#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for harness.sh: skips itself.
. "$(dirname "$0")/../../kselftest/lib.sh"

skip "planted"
