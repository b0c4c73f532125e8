#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Planted, for debug-kernels.sh: freed memory is read, which crashes the machine.
. "$(dirname "$0")/../../kselftest/lib.sh"

plant() {
	sysctl -qw kernel.panic_on_warn=1
	modprobe weft_planted what=free
	rmmod weft_planted
}

run_case "a case with a fault" plant
