#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for debug-kernels.sh: a function that may sleep is called in atomic context.
. "$(dirname "$0")/../../kselftest/lib.sh"

plant() {
	sysctl -qw kernel.panic_on_warn=0
	modprobe weft_planted what=sleep
	rmmod weft_planted
}

run_case "a case with a fault" plant
