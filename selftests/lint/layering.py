#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Each folder of kmod/ and of tools/ is a layer: a file includes from its own layer or from those below it, and no files
include each other in a circle; a .c file and the .h file of the same name count as one. The layers are drawn in
Documentation/networking/weft-internals.rst.

layering.py                 checks kmod/ and tools/
layering.py --self-check    plants violations in a copy, a circle among them, and expects each to be found
"""
import glob
import os
import re
import shutil
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# From the lowest to the highest.
MODULE_LAYERS = ["lib", "core", "udp", "datapath", "handshake", "control"]
TOOL_LAYERS = ["base", "model", "print", "genl", "host", "conf", "apply", "doctor", "fleet", "top", "cli"]
# The version of the command is the module's.
VERSION = ("cli/version.h", "../../kmod/version.h")
# The lowest layer of the module gets its context by arguments: no packets, devices, locks or clocks.
IMPURE = r"linux/(skbuff|netdevice|spinlock|mutex|rwsem|jiffies|ktime|timekeeping|timer|workqueue|slab|random)\.h"
INCLUDE = re.compile(r'^#\s*include\s+([<"])([^>"]+)[>"]', re.M)

# The file, the name to include, what is said of it.
MODULE_PLANTS = [
    ("udp/output.c", '"datapath/recv.h"', "which is above it"),
    ("datapath/xmit.h", '"control/netdev.h"', "which is above it"),
    ("control/rotation.h", '"control/config.h"', "in a circle"),
    ("lib/replay.c", '"core/peer.h"', "which is above it"),
    ("main.c", '"core/nowhere.h"', "which is nowhere"),
    ("lib/noise.c", "<linux/skbuff.h>", "is pure"),
    ("attic/attic.c", "<linux/types.h>", "is in no layer"),
    ("attic.c", "<linux/types.h>", "is in no layer"),
]
TOOL_PLANTS = [
    ("model/model.c", '"conf/config.h"', "which is above it"),
    ("base/text.h", '"model/key.h"', "which is above it"),
    ("model/key.h", '"model/model.h"', "in a circle"),
    ("conf/profile.c", '"conf/record.h"', "in a circle"),
    ("cli/main.c", '"nowhere.h"', "which is nowhere"),
    ("host/program.c", '"elsewhere/nowhere.h"', "which is nowhere"),
    ("base/text.c", '"../../kmod/version.h"', "which is nowhere"),
    ("host/attic/attic.c", "<stdlib.h>", "is in no layer"),
    ("attic.c", "<stdlib.h>", "is in no layer"),
]


class Sources:
    """The files of a program or module, and what is wrong with their includes."""

    def __init__(self, folder, layers, exceptions, apart, pure=None):
        self.folder, self.pure = folder, pure
        self.heights = {layer: height for height, layer in enumerate(layers)} | exceptions
        self.complaints = []
        self.files = {}
        for path in sorted(glob.glob(os.path.join(folder, "**/*.[ch]"), recursive=True)):
            name = os.path.relpath(path, folder)
            if not name.endswith(".mod.c") and not name.startswith(apart):
                with open(path, encoding="utf8") as file:
                    self.files[name] = INCLUDE.findall(file.read())

    def complain(self, text):
        self.complaints.append(text)

    def height(self, name):
        """The height of a file's layer, or None. Files above or below all layers have their own."""
        return self.heights.get(name, self.heights.get(os.path.dirname(name)) if os.path.dirname(name) else None)

    def resolve(self, name, header):
        """An included file by its path here: a name without a folder may be of the same folder."""
        near = os.path.normpath(os.path.join(os.path.dirname(name), header))
        return header if header in self.files or near not in self.files else near

    def check_include(self, name, header):
        own, other = self.height(name), self.height(header)
        if header not in self.files:
            self.complain(f'{name} includes "{header}", which is nowhere in {os.path.basename(self.folder)}/')
        elif own is not None and (other is None or other > own):
            self.complain(f'{name} includes "{header}", which is above it')

    def check_file(self, name):
        if self.height(name) is None:
            self.complain(f"{name} is in no layer")
        for kind, header in self.files[name]:
            if kind == '"' and (name, header) != VERSION:
                self.check_include(name, self.resolve(name, header))
            elif os.path.dirname(name) == self.pure and re.fullmatch(IMPURE, header):
                self.complain(f"{name} is pure and must not include <{header}>")

    def units(self):
        """Each unit, and the units that it includes."""
        units = {}
        for name, includes in self.files.items():
            unit = os.path.splitext(name)[0]
            others = {os.path.splitext(self.resolve(name, header))[0] for kind, header in includes if kind == '"'}
            units.setdefault(unit, set()).update(others - {unit})
        return units

    def check_circles(self):
        """Units that include none of those left are removed, until none is left or all are in or above a circle."""
        units = self.units()
        while free := [unit for unit, others in units.items() if not others & units.keys()]:
            for unit in free:
                del units[unit]
        if units:
            self.complain(f"files include each other in a circle, or include such files: {' '.join(sorted(units))}")

    def check(self):
        for name in self.files:
            self.check_file(name)
        self.check_circles()
        return self.complaints


def check_module(top):
    return Sources(os.path.join(top, "kmod"), MODULE_LAYERS, {"version.h": -1, "main.c": 99}, ("uapi/", "compat-include/"), pure="lib").check()


def check_tools(top):
    return Sources(os.path.join(top, "tools"), TOOL_LAYERS, {}, ("build/", "debian/")).check()


def plant(top, name, header):
    """Appends an include. Returns what undoes it."""
    path = os.path.join(top, name)
    before = None
    if os.path.exists(path):
        with open(path, encoding="utf8") as file:
            before = file.read()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf8") as file:
        file.write(f"{before or ''}#include {header}\n")
    return path, before


def undo(path, before):
    if before is None:
        os.remove(path)
    else:
        with open(path, "w", encoding="utf8") as file:
            file.write(before)


def self_check():
    """Without a plant the copy has no fault, and a complaint is about the unit that has the plant."""
    status = 0
    with tempfile.TemporaryDirectory() as top:
        for folder in "kmod", "tools":
            shutil.copytree(os.path.join(TOP, folder), os.path.join(top, folder), symlinks=True,
                            ignore=shutil.ignore_patterns("build", "*.o", "*.ko", "*.cmd", "debian"))
        for folder, check, plants in ("kmod", check_module, MODULE_PLANTS), ("tools", check_tools, TOOL_PLANTS):
            for complaint in check(top):
                print(f"layering.py: in a copy without a plant: {complaint}", file=sys.stderr)
                status = 1
            for name, header, expected in plants:
                undone = plant(top, f"{folder}/{name}", header)
                said = check(top)
                undo(*undone)
                if not any(os.path.splitext(name)[0] in complaint and expected in complaint for complaint in said):
                    print(f"layering.py: did not say '{expected}' of {header} planted in {folder}/{name}, but: {said}", file=sys.stderr)
                    status = 1
    return status


def main():
    if sys.argv[1:] == ["--self-check"]:
        return self_check()
    if sys.argv[1:]:
        print(f"layering.py: '{sys.argv[1]}' is no option; expected --self-check or nothing", file=sys.stderr)
        return 2
    complaints = check_module(TOP) + check_tools(TOP)
    for complaint in complaints:
        print(f"layering.py: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
