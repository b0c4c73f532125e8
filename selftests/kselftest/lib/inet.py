# SPDX-License-Identifier: GPL-2.0
"""The checksum of IP, ICMP, TCP and UDP."""
import struct


def checksum(data):
    """RFC 1071. Over data with its checksum in it the result is 0."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
