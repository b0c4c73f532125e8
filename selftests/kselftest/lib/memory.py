# SPDX-License-Identifier: GPL-2.0
"""Counts copies of a secret in the kernel's own objects. For tests; needs root and /proc/kcore.

memory.py     whether these objects can be read: Linux as a program shows no physical memory there
"""
import os
import re
import struct
import sys

PAGE = 4096

# For ARCH=um, code that KASAN checks copies this memory out, and it reads the redzones between objects, too.
FORBIDDEN = os.uname().release.endswith("-um-kasan")


def slab_runs():
    """Page frames that hold the kernel's objects (KPF_SLAB, bit 7 of a frame's 64), as contiguous runs: (first,
    behind the last)."""
    with open("/proc/kpageflags", "rb", buffering=0) as handle:
        flags = b"".join(iter(lambda: handle.read(1 << 20), b""))
    return [match.span() for match in re.finditer(b"[\x80-\xff]+", flags[::8])]


def direct_map(core):
    """Ranges of physical memory with their offset in /proc/kcore, from its ELF headers."""
    core.seek(0)
    header = core.read(64)
    offset, = struct.unpack("<Q", header[32:40])
    core.seek(offset)
    loads = [struct.unpack("<IIQQQQQQ", core.read(56)) for _ in range(struct.unpack("<H", header[56:58])[0])]
    return [(load[4], load[4] + load[5], load[2]) for load in loads if load[0] == 1 and load[4] != 2**64 - 1]


def places(core):
    """Ranges of /proc/kcore that hold these objects: (offset, bytes), cut at the end of a mapping."""
    for low, high, file in direct_map(core):
        for first, behind in slab_runs():
            begin, end = max(first * PAGE, low), min(behind * PAGE, high)
            if begin < end:
                yield file + begin - low, end - begin


def copies_in_kernel(*secrets):
    """The number of copies of each secret."""
    found = [0] * len(secrets)
    if FORBIDDEN:
        return found
    with open("/proc/kcore", "rb", buffering=0) as core:
        for offset, size in places(core):
            core.seek(offset)
            memory = b"".join(iter(lambda: core.read(min(1 << 20, offset + size - core.tell())), b""))
            found = [count + memory.count(secret) for count, secret in zip(found, secrets)]
    return found


def is_readable():
    if FORBIDDEN:
        return False
    with open("/proc/kcore", "rb", buffering=0) as core:
        return any(places(core))


if __name__ == "__main__":
    sys.exit(not is_readable())
