#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""document.py LOG VERSIONS PAGE: puts the table of interoperation into a page, from the cases of interop.sh."""
import re
import sys

BEGIN, END = ".. begin of interoperation\n", ".. end of interoperation\n"
# "ok 7 - 6.12 interop: wireguard-go: it roams": a case passes on a kernel.
CASE = re.compile(r"^(ok|not ok)(?: \d+)? - (\S+) interop: (wireguard[-a-z]*): (.*)$", re.M)


def read_cases(path):
    """Feature -> implementation -> kernel -> whether it works; in the order of the test."""
    cases = {}
    with open(path, encoding="utf-8") as file:
        for verdict, kernel, kind, feature in CASE.findall(file.read()):
            cases.setdefault(feature, {}).setdefault(kind, {})[kernel] = verdict == "ok"
    return cases


def kernel_order(kernel):
    return [int(number) for number in kernel.split(".")]


def columns_of(cases, versions):
    """(heading, implementation, kernels): one column for the in-tree module of each kernel, one for all kernels of
    wireguard-go."""
    kinds = {kind for row in cases.values() for kind in row}
    kernels = sorted({kernel for row in cases.values() for of in row.values() for kernel in of}, key=kernel_order)
    for kernel in kernels:
        yield f"wireguard, Linux {kernel}", "wireguard", [kernel]
    for kind in sorted(kinds - {"wireguard"}):
        yield f"wireguard-go {versions.get(kind, '')}".strip(), kind, kernels


def cell(row, kind, kernels):
    verdicts = {kernel: row.get(kind, {}).get(kernel) for kernel in kernels}
    if set(verdicts.values()) == {None}:
        return "-"
    failed = [kernel for kernel, verdict in verdicts.items() if verdict is False]
    return "yes" if not failed else "no" if len(kernels) == 1 else "not on " + ", ".join(failed)


def grid(header, rows):
    widths = [max(len(row[i]) for row in [header] + rows) for i in range(len(header))]
    line = "  ".join("=" * width for width in widths)
    body = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in [header] + rows]
    return "\n".join([line, body[0], line, *body[1:], line, ""])


def table(log, versions_file):
    cases = read_cases(log)
    if not cases:
        sys.exit(f"{log} has no results of interop")
    with open(versions_file, encoding="utf-8") as file:
        versions = dict(line.split(maxsplit=1) for line in file.read().splitlines())
    columns = list(columns_of(cases, versions))
    rows = [[feature] + [cell(row, kind, kernels) for _, kind, kernels in columns] for feature, row in cases.items()]
    return grid(["weft with"] + [heading for heading, _, _ in columns], rows)


def main(log, versions, page):
    with open(page, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    text = table(log, versions)
    with open(page, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + text + "\n" + END + after)


main(*sys.argv[1:])
