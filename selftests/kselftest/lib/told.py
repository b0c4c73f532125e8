#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What came out of a monitor. See events.sh.

told.py said FILE FIELD...        one line for each event: so many of its fields, "-" where there is none
told.py balance FILE FIRST LAST   prints how many events of wt0 there are in between, and how many were missed
"""
import json
import sys


def lines(file):
    """What was printed; what was complained of besides is left out."""
    with open(file) as handle:
        return [json.loads(line) for line in handle if line.startswith("{")]


def said(file, *fields):
    """One line for each event: so many of its fields, "-" where there is none."""
    for line in lines(file):
        print(*(line.get(field, "-") for field in fields))


def balance(file, first, last):
    """Of wt0, what was printed and what was missed is all that there was, in order, from one number to the other."""
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
    {"said": said, "balance": balance}[sys.argv[1]](*sys.argv[2:])
