/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Planted, for cross.sh: included before each source of the module, it leaves 64-bit numbers of
 * messages in the machine's own byte order. Both ends of a tunnel between two such modules agree.
 */
#ifndef WEFT_HOST_ORDER_H
#define WEFT_HOST_ORDER_H

#include <linux/skbuff.h>
#include <asm/byteorder.h>

#undef cpu_to_le64
#undef le64_to_cpu
#define cpu_to_le64(number)	((__force __le64)(u64)(number))
#define le64_to_cpu(number)	((__force u64)(__le64)(number))

#endif /* WEFT_HOST_ORDER_H */
