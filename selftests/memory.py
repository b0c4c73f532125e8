# SPDX-License-Identifier: GPL-2.0
"""How often a secret lies in the kernel's own objects. For tests; needs root and /proc/kcore.

memory.py     whether these objects can be read: Linux as a program shows no physical memory there
"""
import os
import struct
import sys

# For ARCH=um it is code watched by KASAN that copies memory out, and it goes through what lies between objects, too.
FORBIDDEN = os.uname().release.endswith("-um-kasan")


def slab_pages():
    """Page frames that hold the kernel's objects (KPF_SLAB)."""
    with open("/proc/kpageflags", "rb", buffering=0) as handle:
        flags = b"".join(iter(lambda: handle.read(1 << 20), b""))
    return [i for i in range(len(flags) // 8) if flags[8 * i] & 0x80]


def direct_map(core):
    """Offset in /proc/kcore of physical memory, as a function of the address: its ELF headers say."""
    core.seek(0)
    header = core.read(64)
    offset, = struct.unpack("<Q", header[32:40])
    core.seek(offset)
    loads = [struct.unpack("<IIQQQQQQ", core.read(56)) for _ in range(struct.unpack("<H", header[56:58])[0])]
    return [(load[4], load[4] + load[5], load[2]) for load in loads if load[0] == 1 and load[4] != 2**64 - 1]


def copies_in_kernel(*secrets):
    """How often each of them is there."""
    found = [0] * len(secrets)
    if FORBIDDEN:
        return found
    with open("/proc/kcore", "rb", buffering=0) as core:
        ranges = direct_map(core)
        for frame in slab_pages():
            at = frame * 4096
            where = next((file + at - low for low, high, file in ranges if low <= at < high), None)
            if where is not None:
                core.seek(where)
                page = core.read(4096)
                for i, secret in enumerate(secrets):
                    found[i] += page.count(secret)
    return found


def is_readable():
    if FORBIDDEN:
        return False
    with open("/proc/kcore", "rb", buffering=0) as core:
        ranges = direct_map(core)
    return any(low <= frame * 4096 < high for frame in slab_pages() for low, high, _ in ranges)


if __name__ == "__main__":
    sys.exit(not is_readable())
