# SPDX-License-Identifier: GPL-2.0
"""Counts copies of a secret in the kernel's own objects. For tests; needs root and /proc/kcore.

memory.py     whether these objects can be read: Linux as a program shows no physical memory there
"""
import os
import re
import struct
import sys

PAGE = os.sysconf("SC_PAGE_SIZE")

# For ARCH=um, code that KASAN checks copies this memory out, and it reads the redzones between objects, too.
FORBIDDEN = os.uname().release.endswith("-um-kasan")


def slab_runs():
    """Page frames that hold the kernel's objects (KPF_SLAB, bit 7 of a frame's 64), as contiguous runs: (first,
    behind the last)."""
    with open("/proc/kpageflags", "rb", buffering=0) as handle:
        flags = b"".join(iter(lambda: handle.read(1 << 20), b""))
    lowest = 0 if sys.byteorder == "little" else 7
    return [match.span() for match in re.finditer(b"[\x80-\xff]+", flags[lowest::8])]


def direct_map(core):
    """Ranges of physical memory with their offset in /proc/kcore, from its ELF headers."""
    core.seek(0)
    header = core.read(64)
    if header[4] == 2:      # 64 bits
        (offset,), (count,) = struct.unpack("=Q", header[32:40]), struct.unpack("=H", header[56:58])
        form, nowhere = struct.Struct("=I4xQ8xQQ16x"), 2**64 - 1
    else:
        (offset,), (count,) = struct.unpack("=I", header[28:32]), struct.unpack("=H", header[44:46])
        form, nowhere = struct.Struct("=II4xIII8x"), 2**32 - 1
    core.seek(offset)
    loads = [form.unpack(core.read(form.size)) for _ in range(count)]
    return [(low, low + size, file) for kind, file, low, size, *_ in loads if kind == 1 and low != nowhere]


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
    if FORBIDDEN or not os.path.exists("/proc/kcore"):
        return False
    with open("/proc/kcore", "rb", buffering=0) as core:
        return any(places(core))


if __name__ == "__main__":
    sys.exit(not is_readable())
