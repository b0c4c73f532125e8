# SPDX-License-Identifier: GPL-2.0
"""How often a secret lies in the kernel's own objects. For tests; needs root and /proc/kcore.

memory.py     whether these objects can be read: Linux as a program shows no physical memory there
"""
import os
import re
import struct
import sys

PAGE = 4096

# For ARCH=um it is code watched by KASAN that copies memory out, and it goes through what lies between objects, too.
FORBIDDEN = os.uname().release.endswith("-um-kasan")


def slab_runs():
    """Page frames that hold the kernel's objects (KPF_SLAB, bit 7 of a frame's 64): (first, behind the last), as they lie
    side by side."""
    with open("/proc/kpageflags", "rb", buffering=0) as handle:
        flags = b"".join(iter(lambda: handle.read(1 << 20), b""))
    return [match.span() for match in re.finditer(b"[\x80-\xff]+", flags[::8])]


def direct_map(core):
    """Offset in /proc/kcore of physical memory, as a function of the address: its ELF headers say."""
    core.seek(0)
    header = core.read(64)
    offset, = struct.unpack("<Q", header[32:40])
    core.seek(offset)
    loads = [struct.unpack("<IIQQQQQQ", core.read(56)) for _ in range(struct.unpack("<H", header[56:58])[0])]
    return [(load[4], load[4] + load[5], load[2]) for load in loads if load[0] == 1 and load[4] != 2**64 - 1]


def places(core):
    """Where in /proc/kcore these objects lie: (offset, bytes). A mapping ends where it ends."""
    for low, high, file in direct_map(core):
        for first, behind in slab_runs():
            begin, end = max(first * PAGE, low), min(behind * PAGE, high)
            if begin < end:
                yield file + begin - low, end - begin


def copies_in_kernel(*secrets):
    """How often each of them is there."""
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
