#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Reads the output of a monitor. See events.sh.

told.py fields FILE FIELD...      one line for each event: these of its fields, "-" for an absent one
told.py balance FILE FIRST LAST   prints the numbers of events of wt0 between these, and of missed ones
"""
import json
import sys


def lines(file):
    """The printed events, without messages on standard error."""
    with open(file) as handle:
        return [json.loads(line) for line in handle if line.startswith("{")]


def fields_of(file, *fields):
    """One line for each event: these of its fields, "-" for an absent one."""
    for line in lines(file):
        print(*(line.get(field, "-") for field in fields))


def balance(file, first, last):
    """The printed and the missed events of wt0 are all events from FIRST to LAST, in order."""
    expected = int(first)
    printed = missed = 0
    for line in (line for line in lines(file) if line["interface"] == "wt0"):
        if "missed" in line:
            missed += line["missed"]
            expected += line["missed"]
        elif line["sequence"] >= int(first):
            if line["sequence"] != expected:
                sys.exit(f"sequence is {line['sequence']}, wanted {expected}")
            expected += 1
            printed += 1
    if expected - 1 != int(last):
        sys.exit(f"the last number is {expected - 1}, wanted {last}")
    print(printed, missed)


if __name__ == "__main__":
    {"fields": fields_of, "balance": balance}[sys.argv[1]](*sys.argv[2:])
