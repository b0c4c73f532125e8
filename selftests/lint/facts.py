#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compares the documentation with the sources: counts, lists of names, options, files and targets.

facts.py                 checks this tree
facts.py --self-check    plants one error for each check in a copy of the tree and expects that check to find it
"""
import glob
import os
import re
import shutil
import sys
import tempfile

import layering

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENTATION = "Documentation/networking/"
MAN = "Documentation/man/"
RESULTS = DOCUMENTATION + "weft-test-results.rst"
# Pages that name files of the tree. A program writes the tables of weft-bench.rst.
PAGES = ["README.md", DOCUMENTATION + "weft.rst", DOCUMENTATION + "weft-internals.rst", DOCUMENTATION + "weft-operations.rst",
         DOCUMENTATION + "weft-fleet.rst", DOCUMENTATION + "weft-clusters.rst", DOCUMENTATION + "weft-testing.rst", RESULTS, DOCUMENTATION + "weft-bench.rst"]


class Tree:
    """One checkout, and the errors found in it."""

    def __init__(self, top):
        self.top = top
        self.errors = []

    def read(self, path):
        with open(os.path.join(self.top, path), encoding="utf8") as file:
            return file.read()

    def exists(self, path):
        return os.path.exists(os.path.join(self.top, path))

    def complain(self, check, text):
        self.errors.append((check, text))

    def same(self, check, what, here, there):
        """Two sets of names have to be equal; @what names them, as (first, second)."""
        for name in sorted(set(here) - set(there)):
            self.complain(check, f"'{name}' is in {what[0]} but not in {what[1]}")
        for name in sorted(set(there) - set(here)):
            self.complain(check, f"'{name}' is in {what[1]} but not in {what[0]}")


def section(text, title, level="="):
    """A section of a page of reStructuredText, with its subsections."""
    start = re.search(rf"^{re.escape(title)}\n{re.escape(level)}+\n", text, re.M)
    if not start:
        return ""
    end = re.search(rf"^[^\n]+\n{re.escape(level)}{{3,}}\n", text[start.end():], re.M)
    return text[start.end():start.end() + end.start()] if end else text[start.end():]


def man_section(text, title):
    found = re.search(rf"^\.Sh {re.escape(title)}$(.*?)(?=^\.Sh |\Z)", text, re.M | re.S)
    return found.group(1) if found else ""


def spec_set(tree, name):
    """The names of an attribute set of the specification, with their numbers."""
    found = re.search(rf"^  -\n    name: {name}\n(.*?)(?=^  -\n|^\S|\Z)", tree.read("Documentation/netlink/specs/weft.yaml"), re.M | re.S)
    number, names = 0, {}
    for line in found.group(1).splitlines():
        if (match := re.match(r"        name: (\S+)", line)):
            number += 1
            last = match.group(1)
            names[last] = number
        elif (match := re.match(r"        value: (\d+)", line)):
            number = int(match.group(1))
            names[last] = number
    return names


def module_sources(tree, *endings):
    """The files of the module by their path in kmod/, without the wrappers and the headers for users."""
    folders = ["", *layering.MODULE_LAYERS]
    return [os.path.join(folder, name) for folder in folders for name in os.listdir(os.path.join(tree.top, "kmod", folder))
            if name.endswith(endings) and not name.endswith(".mod.c")]


def check_layers(tree):
    """Kbuild links every file, layer by layer; both tables of weft-internals.rst have the same layers and files in that order."""
    layers = layering.MODULE_LAYERS[::-1]
    groups = [re.findall(r"^weft-\S+ \+= (\S+)\.o$", group, re.M) for group in tree.read("kmod/Kbuild").split("\n\n")]
    objects = [name for group in groups for name in group]
    tree.same("layers", ("kmod/Kbuild", "kmod/"), objects, [name[:-2] for name in module_sources(tree, ".c")])
    order = [os.path.dirname(name) for name in objects]
    if sorted(order, key=["", *layers].index) != order:
        tree.complain("layers", "kmod/Kbuild does not have the layers in the order of layering.py")
    units = {os.path.splitext(name)[0] for name in module_sources(tree, ".c", ".h")}
    page = tree.read(DOCUMENTATION + "weft-internals.rst")
    table = re.search(r"^Folder +Files.*?\n=+ .*?\n(.*?)\n=+ ", page, re.M | re.S).group(1)
    rows, folder = {}, None
    for line in table.splitlines():
        folder = line[:16].strip(" `/") or folder
        rows.setdefault(folder, []).extend(line[16:69].split())
    tree.same("layers", ("weft-internals.rst", "layering.py"), [name for name in rows if name != "kmod"], layers)
    for folder, names in rows.items():
        here = sorted(os.path.basename(unit) for unit in units if (os.path.dirname(unit) or "kmod") == folder)
        tree.same("layers", (f"weft-internals.rst, {folder}", "kmod/"), names, here)
    nouns = re.search(r"^File +Its noun\n=+ .*?\n(.*?)\n=+ ", page, re.M | re.S).group(1)
    nouns = [line.split()[0] for line in nouns.splitlines() if line[:1] != " "]
    tree.same("layers", ("the first table of weft-internals.rst", "the second"), [name for row in rows.values() for name in row], nouns)


def check_objects(tree):
    """tools/Makefile links every file of the command."""
    objects = re.findall(r"^OBJECTS \+= (\S+)\.o$|^OBJECTS := (\S+)\.o$", tree.read("tools/Makefile"), re.M)
    tools = os.path.join(tree.top, "tools")
    files = [os.path.relpath(name, tools)[:-2] for name in glob.glob(os.path.join(tools, "*/*.c"))]
    tree.same("objects", ("tools/Makefile", "tools/"), [a or b for a, b in objects] + ["cli/main"], files)


def check_reasons(tree):
    """Drop reasons: their number in README.md, and their names in weft.8 and weft.rst."""
    names = [name for name in spec_set(tree, "drops") if name != "unspec"]
    said = re.search(r"one of (\d+) reasons", tree.read("README.md"))
    if not said or int(said.group(1)) != len(names):
        tree.complain("reasons", f"README.md has to say 'one of {len(names)} reasons'; it says '{said and said.group(0)}'")
    page = re.findall(r"^\.It Cm ([a-z-]+)$", man_section(tree.read(MAN + "weft.8"), "REASONS"), re.M)
    tree.same("reasons", ("weft.yaml", "weft.8"), names, page)
    rows = re.findall(r"^``([rt]x_drop_[a-z_]+)`` ", tree.read(DOCUMENTATION + "weft.rst"), re.M)
    if len(rows) != len(names):
        tree.complain("reasons", f"weft.yaml has {len(names)} drop reasons, the table of weft.rst {len(rows)}")


def check_attributes(tree):
    """Numbers and names of netlink attributes in weft.rst are those of the specification."""
    page = tree.read(DOCUMENTATION + "weft.rst")
    for title, name in (("Device", "device"), ("Peer", "peer")):
        rows = re.findall(r"^(\d+) +``([A-Z0-9_]+)`` ", section(page, title, "-"), re.M)
        here = [f"{number} {attribute.lower().replace('_', '-')}" for number, attribute in rows]
        there = [f"{number} {attribute}" for attribute, number in spec_set(tree, name).items() if number]
        tree.same("attributes", (f"weft.rst, {title}", "weft.yaml"), here, there)


def check_commands(tree):
    """Each command has an entry in weft.8 and in weft.rst, and each entry there is a command."""
    table = re.search(r"weft_commands\[\] = \{(.*?)^\};", tree.read("tools/cli/command.c"), re.M | re.S).group(1)
    commands = set(re.findall(r'^\t\t"([a-z]+)", ', table, re.M))
    page = man_section(tree.read(MAN + "weft.8"), "DESCRIPTION")
    documented = set(re.findall(r"^\.It Cm ([a-z]+)", page, re.M))
    for name in sorted(commands - documented - {"help"}):
        tree.complain("commands", f"weft.8 has no entry for the command '{name}'")
    summary = section(tree.read(DOCUMENTATION + "weft.rst"), "The command")
    table = summary.split("\n=====")[1]
    rows = {name for line in table.splitlines() for name in re.findall(r"``(?:weft )?([a-z]+)[ `]", line[:41])}
    tree.same("commands", ("tools/cli/command.c", "weft.rst, The command"), commands - {"help", "complete"}, rows - {"help", "complete"})


def check_options(tree):
    """Each long option of the command is in weft.8."""
    page = tree.read(MAN + "weft.8")
    sources = tree.read("tools/cli/main.c") + tree.read("tools/cli/command.c")
    for either in sorted(set(re.findall(r'"--([a-z-]+)"|"([a-z-]+)", *(?:no|required|optional)_argument', sources))):
        name = either[0] or either[1]
        if not re.search(rf"^\.It .*Fl -{name}( |$)", page, re.M):
            tree.complain("options", f"weft.8 has no entry for the option '--{name}'")


def check_fields(tree):
    """Each field of a file that `weft up` accepts is in weft.conf.5, and each entry there is such a field."""
    page = tree.read(MAN + "weft.conf.5")
    fields = set(re.findall(r'\.field = "(\w+)"', tree.read("tools/conf/profile.c") + tree.read("tools/conf/config.c") + tree.read("tools/conf/setting.c")))
    documented = {name for line in re.findall(r"^\.It (?:Li|Cm|Ic|Va) (.*)$", page, re.M) for name in re.findall(r"[A-Z]\w+", line)}
    tree.same("fields", ("the command's settings", "weft.conf.5"), fields, documented)


def check_diagnoses(tree):
    """Each finding of doctor's is in weft.8 under its own severity, and in no other place."""
    sources = "".join(tree.read(f"tools/doctor/{name}.c") for name in ("checks_device", "checks_peer", "machine_checks"))
    table = re.findall(r'^\t\{ "([a-z0-9-]+)", (?:WEFT_DOCTOR_)?([EW])(?:RROR|ARNING)?, ', sources, re.M)
    page = man_section(tree.read(MAN + "weft.8"), "DIAGNOSES")
    errors, _, warnings = page.partition("\nWarnings:\n")
    for weight, text in (("E", errors), ("W", warnings)):
        tree.same("diagnoses", ("doctor's tables of checks", f"weft.8, DIAGNOSES, {'errors' if weight == 'E' else 'warnings'}"),
                  {name for name, of in table if of == weight}, re.findall(r"^\.It Cm ([a-z0-9-]+)$", text, re.M))


def check_targets(tree):
    """`make TARGET` in a page is a target of the Makefile's, and `make help` names each that README.md has."""
    makefile = tree.read("Makefile")
    targets = {name for line in re.findall(r"^([a-z][a-z -]*):(?!=)", makefile, re.M) for name in line.split()}
    shown = set(re.findall(r"^## make ([a-z-]+)", makefile, re.M))
    for page in PAGES:
        for name in sorted(set(re.findall(r"(?:^[\t ]+|``?)make ([a-z][a-z-]+)\b", tree.read(page), re.M)) - targets):
            tree.complain("targets", f"{page} says 'make {name}', and the Makefile has no such target")
    for name in sorted(set(re.findall(r"^    make ([a-z-]+)", tree.read("README.md"), re.M)) - shown):
        tree.complain("targets", f"README.md has 'make {name}', and make help does not")


def check_files(tree):
    """Files of the tree that pages, comments and scripts refer to are there."""
    pattern = re.compile(r"\b((?:kmod|tools|selftests|Documentation)/[\w./-]*\w\.(?:c|h|sh|py|rst|yaml|md|config|[1-8]))\b")
    for page in PAGES:
        for name in sorted(set(pattern.findall(tree.read(page)))):
            # A name in capitals is a placeholder; the table of known faults names tests by their path in selftests/.
            if not re.search(r"[A-Z]{4}\.", name) and not tree.exists(name) and not tree.exists("selftests/" + name):
                tree.complain("files", f"{page} names {name}, and there is no such file")
    for folder, _, names in os.walk(tree.top):
        if {".git", "build"} & set(os.path.relpath(folder, tree.top).split(os.sep)):
            continue
        for name in names:
            if not name.endswith((".c", ".h", ".sh", ".py", ".rst")) or name.endswith(".mod.c"):
                continue
            path = os.path.relpath(os.path.join(folder, name), tree.top)
            for cited in sorted(set(re.findall(r"\b([A-Z][A-Z_]+\.md)\b", tree.read(path)))):
                if not tree.exists(cited) and path != "selftests/lint/facts.py":
                    tree.complain("files", f"{path} cites {cited}, and the project has no such page")


def check_lints(tree):
    """The table of static checks in weft-testing.rst has each lint of lint.sh."""
    lints = re.findall(r"^lint_(\w+)\(\) \{$", tree.read("selftests/lint/lint.sh"), re.M)
    table = re.search(r"^Name +What it runs\n=+ .*?\n(.*?)\n=+ ", tree.read(DOCUMENTATION + "weft-testing.rst"), re.M | re.S).group(1)
    tree.same("lints", ("selftests/lint/lint.sh", "weft-testing.rst, Static checks"), lints,
              [line.split()[0] for line in table.splitlines() if line[:1] != " "])


def check_suites(tree):
    """weft-testing.rst names each suite that runs under KUnit, and how many there are: all but those with a machine of their own."""
    text = section(tree.read(DOCUMENTATION + "weft-testing.rst"), "KUnit")
    suites = [name[5:-2] for folder in ("selftests/kunit", "selftests/unit")
              for name in os.listdir(os.path.join(tree.top, folder)) if re.fullmatch(r"test_\w+\.c", name)
              and "<shim/machine.h>" not in tree.read(f"{folder}/{name}")]
    said = re.search(r"cases in (\d+) suites", text)
    if not said or int(said.group(1)) != len(suites):
        tree.complain("suites", f"weft-testing.rst, KUnit has to say 'in {len(suites)} suites'")
    for name in sorted(suites):
        if not re.search(rf"\b{name}\b", text):
            tree.complain("suites", f"weft-testing.rst, KUnit does not name the suite '{name}'")


def check_coverage(tree):
    """weft-test-results.rst has a row of coverage for each file with code, or lists it as newer, and for no other file."""
    page = tree.read(RESULTS)
    table = re.search(r"^\.\. begin of coverage$(.*?)^\.\. end of coverage$", page, re.M | re.S).group(1)
    rows = re.findall(r"^([a-z][\w/]*\.[ch]) ", table, re.M)
    newer = re.search(r"^Newer than these figures are (.*?)\.$", page, re.M | re.S)
    newer = re.findall(r"``([\w/-]+\.c)``", newer.group(1)) if newer else []
    # A file of tables only: gcov counts no line of it.
    files = [name for name in module_sources(tree, ".c") if name != "control/netlink-gen.c"]
    for name in sorted(set(rows + newer)):
        if not tree.exists("kmod/" + name):
            tree.complain("coverage", f"weft-test-results.rst has coverage of '{name}', and there is no such file")
    for name in sorted(set(rows) & set(newer)):
        tree.complain("coverage", f"weft-test-results.rst has coverage of '{name}', and calls it newer than that")
    for name in sorted(set(files) - set(rows) - set(newer)):
        tree.complain("coverage", f"weft-test-results.rst has no coverage of '{name}'")


def check_version(tree):
    """The newest release in NEWS.md is the version of kmod/version.h, and no other file repeats it."""
    version = re.search(r'^#define WEFT_VERSION\t"([\d.]+)"$', tree.read("kmod/version.h"), re.M).group(1)
    headings = re.findall(r"^## (.*)$", tree.read("NEWS.md"), re.M)
    releases = headings[1:] if headings[0] == "Unreleased" else headings
    if not re.fullmatch(rf"{re.escape(version)}, [A-Z][a-z]+ \d{{4}}", releases[0]):
        tree.complain("version", f"NEWS.md has to begin with '## {version}, MONTH YEAR', or with that behind '## Unreleased'")
    for folder, _, names in os.walk(tree.top):
        if {".git", "build"} & set(os.path.relpath(folder, tree.top).split(os.sep)):
            continue
        for path in (os.path.relpath(os.path.join(folder, name), tree.top) for name in names):
            if path.endswith((".c", ".h", ".sh", ".py", ".rst", ".in", ".conf", ".4", ".5", ".8")) and path != "selftests/lint/facts.py" \
               and not path.endswith(".mod.c") and re.search(r"\bweft[ _/-]\d+\.\d+\.\d+\b", tree.read(path)):
                tree.complain("version", f"{path} has a version of weft, which stands in kmod/version.h alone")


def check_identifiers(tree):
    """Functions, structures and constants that weft-internals.rst names are in the module's sources."""
    sources = ""
    for folder, _, names in os.walk(os.path.join(tree.top, "kmod")):
        for name in names:
            if name.endswith((".c", ".h")) and not name.endswith(".mod.c"):
                sources += tree.read(os.path.relpath(os.path.join(folder, name), tree.top))
    words = set(re.findall(r"\w+", sources))
    page = tree.read(DOCUMENTATION + "weft-internals.rst")
    for name in sorted(set(re.findall(r"``(\w+)\(\)``", page) + re.findall(r"``(WEFT_[A-Z0-9_]+)``", page)) - words):
        tree.complain("identifiers", f"weft-internals.rst names {name}, which is nowhere in kmod/")
    for name in sorted(set(re.findall(r"``struct\s+(\w+)``", page))):
        if not re.search(rf"^struct {name} \{{", sources, re.M):
            tree.complain("identifiers", f"weft-internals.rst names struct {name}, which is nowhere in kmod/")


def check_modules(tree):
    """No program has the name of a Python module: programs beside it would import it in place of the module."""
    for folder, _, names in os.walk(os.path.join(tree.top, "selftests")):
        for name in sorted(names):
            if name.endswith(".py") and name[:-3] in sys.stdlib_module_names:
                tree.complain("modules", f"{os.path.relpath(folder, tree.top)}/{name} has the name of a module of Python's")


CHECKS = [check_layers, check_objects, check_reasons, check_attributes, check_commands, check_options, check_fields,
          check_diagnoses, check_targets, check_files, check_lints, check_suites, check_coverage, check_version,
          check_identifiers, check_modules]

# One error for each check, and more where a check has several sides: the file, a pattern, and its replacement.
PLANTS = [
    ("layers", "kmod/Kbuild", r"^(weft-y \+= control/.*\n)\n(weft-y \+= handshake/.*\n)", r"\2\n\1"),
    ("layers", "kmod/Kbuild", r"^weft-y \+= core/trace\.o\n", ""),
    ("layers", DOCUMENTATION + "weft-internals.rst", r"^cookie  .*\n", ""),
    ("objects", "tools/Makefile", r"^OBJECTS \+= apply/sync\.o\n", ""),
    ("reasons", "README.md", r"one of \d+ reasons", "one of 3 reasons"),
    ("reasons", MAN + "weft.8", r"^\.It Cm rate-limit$", ".It Cm rate-limits"),
    ("reasons", DOCUMENTATION + "weft.rst", r"^``rx_drop_flood``", "``rx_flood``"),
    ("attributes", DOCUMENTATION + "weft.rst", r"^6       ``LISTEN_PORT``", "7       ``LISTEN_PORT``"),
    ("commands", MAN + "weft.8", r"^\.It Cm wait ", ".It Cm await "),
    ("commands", DOCUMENTATION + "weft.rst", r"^``weft strip .*\n", ""),
    ("options", MAN + "weft.8", r"^\.It Fl -show-keys", ".It Fl -shown-keys"),
    ("fields", MAN + "weft.conf.5", r"SaveConfig", "SaveConfiguration"),
    ("diagnoses", MAN + "weft.8", r"^\.It Cm no-way$", ".It Cm no-ways"),
    ("targets", "README.md", r"^    make fuzz", "    make fuzzes"),
    ("files", DOCUMENTATION + "weft-testing.rst", r"selftests/run/vm/boot\.sh", "selftests/run/vm/boots.sh"),
    ("files", "kmod/datapath/xmit.c", r"\A", "/* See NOWHERE.md. */\n"),
    ("lints", DOCUMENTATION + "weft-testing.rst", r"^pipes       .*\n", ""),
    ("lints", "selftests/lint/lint.sh", r"^lint_man\(\)", "lint_men()"),
    ("suites", DOCUMENTATION + "weft-testing.rst", r"cookie, fsm, replay", "cookie, replay"),
    ("suites", DOCUMENTATION + "weft-testing.rst", r"in \d+ suites", "in 3 suites"),
    ("coverage", RESULTS, r"^datapath/xmit\.c  .*\n", ""),
    ("coverage", RESULTS, r"^datapath/xmit\.c  ", "datapath/omit.c  "),
    ("version", "kmod/version.h", r'"\d+\.', '"99.'),
    ("version", "selftests/tools/test_command.c", r'"weft " WEFT_VERSION "', '"weft 0.1.0'),
    ("identifiers", DOCUMENTATION + "weft-internals.rst", r"``struct weft_peer_keys``", "``struct weft_peers_keys``"),
    ("identifiers", DOCUMENTATION + "weft-internals.rst", r"``weft_keyselect_choose\(\)``", "``weft_keyselect_chose()``"),
    ("modules", "selftests/kselftest/queue.py", r"\A", "import sys\n"),
    ("modules", "selftests/kselftest/lib/queue.py", r"\A", "import sys\n"),
    ("modules", "selftests/prove/queue.py", r"\A", "import sys\n"),
    ("identifiers", DOCUMENTATION + "weft-internals.rst", r"``WEFT_FSM_TELL``", "``WEFT_FSM_SAY``"),
]


def errors_of(top, checks):
    tree = Tree(top)
    for check in checks:
        check(tree)
    return tree.errors


def finds(top, name, planted):
    """Whether a check finds what is planted: a file's path and its text, in place of @before, None: of no file."""
    path, text, before = planted
    with open(path, "w", encoding="utf8") as stream:
        stream.write(text)
    found = errors_of(top, [globals()[f"check_{name}"]])
    if before is None:
        os.remove(path)
    else:
        with open(path, "w", encoding="utf8") as stream:
            stream.write(before)
    return bool(found)


def self_check():
    status = 0
    with tempfile.TemporaryDirectory() as work:
        copy = os.path.join(work, "tree")
        shutil.copytree(TOP, copy, ignore=shutil.ignore_patterns(".git", "build", "*.o", "*.ko", "corpus"), symlinks=True)
        for name, path, pattern, replacement in PLANTS:
            file = os.path.join(copy, path)
            before = Tree(copy).read(path) if os.path.exists(file) else None
            planted = re.sub(pattern, replacement, before or "", count=1, flags=re.M)
            if planted == (before or ""):
                print(f"facts.py: '{pattern}' is not in {path}: the self-check has nothing to replace", file=sys.stderr)
                status = 1
            elif not finds(copy, name, (file, planted, before)):
                print(f"facts.py: the check '{name}' did not find '{replacement}' planted in {path}", file=sys.stderr)
                status = 1
        for check, text in errors_of(copy, CHECKS):
            print(f"facts.py: {check} complains of a copy without a plant: {text}", file=sys.stderr)
            status = 1
    return status


def main():
    if sys.argv[1:] == ["--self-check"]:
        return self_check()
    if sys.argv[1:]:
        print(f"facts.py: unexpected argument '{sys.argv[1]}': expected --self-check or nothing", file=sys.stderr)
        return 2
    found = errors_of(TOP, CHECKS)
    for check, text in found:
        print(f"facts.py: {check}: {text}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
