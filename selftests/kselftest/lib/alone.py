#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Keeps all other processes off every CPU while a test sends messages, so that the kernel processes none before all
are sent."""
import contextlib
import functools
import os
import signal

HOG, SELF, DELIVERY = 5, 10, 20


@functools.lru_cache
def delivery(cpu):
    """The thread of a CPU that empties the backlog of received packets (ksoftirqd), if the kernel leaves that to a
    thread. It needs a higher priority than the sender, since the backlog holds at most 1000 packets."""
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{process}/comm") as comm:
            if comm.read() == f"ksoftirqd/{cpu}\n":
                return int(process)
    raise ProcessLookupError(f"ksoftirqd/{cpu}")


def put_first(process, priority):
    os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(priority))


def put_back(process):
    os.sched_setscheduler(process, os.SCHED_OTHER, os.sched_param(0))


def hog(cpu):
    """Starts a process that occupies the CPU; returns once it runs there."""
    parent = os.getpid()
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        os.sched_setaffinity(0, [cpu])
        put_first(0, HOG)
        os.write(tell, b".")
        while os.getppid() == parent:
            pass
        os._exit(0)
    os.close(tell)
    os.read(ready, 1)
    os.close(ready)
    return child


@contextlib.contextmanager
def alone():
    """No other process runs, except for the 50 ms of each second that the kernel reserves."""
    cpus = os.sched_getaffinity(0)
    mine, *others = sorted(cpus)
    os.sched_setaffinity(0, [mine])
    put_first(delivery(mine), DELIVERY)
    put_first(0, SELF)
    hogs = [hog(cpu) for cpu in others]
    try:
        yield
    finally:
        for child in hogs:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        put_back(0)
        put_back(delivery(mine))
        os.sched_setaffinity(0, cpus)
