#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for debug-kernels.sh: an active timer is freed.
. "$(dirname "$0")/../../kselftest/lib.sh"

plant() {
	sysctl -qw kernel.panic_on_warn=0
	modprobe weft_planted what=object
	rmmod weft_planted
}

run_case "a case with a fault" plant
