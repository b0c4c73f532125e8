#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What memcg.sh does in a control group whose memory ends.

memcg.py link GROUP     adds a link with one page to spend, then two, until there is one; prints how many tries failed.
                        Whatever becomes of those who try, no link is half there.
memcg.py hog            takes memory until the kernel ends it
"""
import os
import signal
import sys

import wgnetlink as nl
from links import Links, link_exists

PAGE = os.sysconf("SC_PAGESIZE")
MOST_PAGES = 2000
DEV = "ws0"


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def try_within(group):
    """In a process of its own, for the kernel may end it. What it is made of was there before, and costs the group nothing."""
    links = Links()
    child = os.fork()
    if child == 0:
        write(f"{group}/cgroup.procs", "0")
        try:
            links.add(DEV)
        except nl.Refused:
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    links.sock.close()
    nl.check("how it ended", os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL, False)
    return status == 0


def link(group):
    links = Links()
    for pages in range(1, MOST_PAGES):
        write(f"{group}/memory.max", str(pages * PAGE))
        done = try_within(group)
        # Who was ended behind the last allocation has a link all the same.
        if link_exists(DEV):
            links.remove(DEV)
        if done:
            print(pages - 1)
            return
    sys.exit(f"no link with {MOST_PAGES} pages")


def hog():
    kept = []
    while True:
        kept.append(bytearray(os.urandom(PAGE)) * 64)


def main():
    if sys.argv[1] == "link":
        link(sys.argv[2])
    else:
        hog()


main()
