#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Enters network namespaces: Python has os.setns() only since 3.12."""
import ctypes
import os

CLONE_NEWNET = 0x40000000


def enter(name):
    """Later sockets and files of /proc/self/net belong to that network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{name}", "rb") as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), name)
