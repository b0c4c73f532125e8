#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for debug-kernels.sh: memory is allocated and leaked.
. "$(dirname "$0")/../../kselftest/lib.sh"

plant() {
	sysctl -qw kernel.panic_on_warn=0
	modprobe weft_planted what=leak
	rmmod weft_planted
}

run_case "a case with a fault" plant
