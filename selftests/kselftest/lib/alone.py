#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Has everybody else wait, on every CPU, while a test sends what is to be there before any of it is looked at."""
import contextlib
import functools
import os
import signal

HOG, SELF, DELIVERY = 5, 10, 20


@functools.lru_cache
def delivery(cpu):
    """What a sender overtakes waits in a backlog of 1000 packets and no more. The thread that empties it, if the kernel
    leaves that to a thread, has to come before the sender."""
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
    """A process that does nothing else but have that CPU; it has it when this returns."""
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
    """Nobody else gets to run, but for the little that the kernel sees to: 50 ms in a second."""
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
