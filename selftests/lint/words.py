#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Finds words that replace the subject of a sentence, which is a noun of the field (CONTRIBUTING.md, "The language").

words.py                 checks comments, messages and pages
words.py --self-check    plants each word in a copy, and expects it to be found

In scripts comments and docstrings are checked, in C also strings, in pages all text but literal blocks.
"""
import io, os, re, sys, tempfile, tokenize

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
WORDS = ["who", "whoever", "nobody", "somebody", "anybody", "go no further", "goes no further", "its like", "come to", "comes to"]
# With a hyphen a word may be part of a finding's name, such as nobody-calls.
PATTERN = re.compile(r"(?<![\w-])(" + "|".join(word.replace(" ", r"\s+") for word in WORDS) + r")(?![\w-])", re.IGNORECASE)
# Folders and files, with the endings of their files; generated files and those of others are left out.
AREAS = [("kmod", (".c", ".h")), ("tools", (".c", ".h")), ("Documentation/networking", (".rst",)), ("Documentation/man", (".4", ".5", ".8")),
         ("Documentation/netlink/specs", (".yaml",)),
         ("README.md", (".md",)), ("CONTRIBUTING.md", (".md",)), ("SECURITY.md", (".md",)), ("NEWS.md", (".md",))]
SCRIPTS = (".sh", ".py", "Makefile", "Kbuild")
# Shell scripts without an ending.
SHELL = (".ci/run", "hooks/commit-msg", "hooks/pre-commit", "selftests/run/vm/init")
AREAS += [("selftests", (".c", ".h") + SCRIPTS), ("tools", SCRIPTS), ("Makefile", SCRIPTS), *((name, ()) for name in SHELL)]
GENERATED = ("netlink-gen.", "uapi/", ".mod.c", "compat-include/", "build/")

TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)


def blank(text):
    """The same number of lines, all empty."""
    return "\n" * text.count("\n")


def prose_of_c(text):
    parts, at = [], 0
    for token in TOKEN.finditer(text):
        parts += [blank(text[at:token.start()]), " " if token.group().startswith("'") else token.group()]
        at = token.end()
    return "".join(parts)


def prose_of_page(text, literal_after):
    """Without literal text: text between backquotes, and blocks that are indented below a line that introduces them."""
    text = re.sub(r"``[^`]*``|`[^`\n]*`", lambda found: blank(found.group()), text)
    lines, before, literal = [], "", None
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if line.strip():
            if literal is not None and indent <= literal:
                literal = None
            if literal is None and literal_after(before, line):
                literal = indent - 1
            before = line
        else:
            before = before if before.rstrip().endswith("::") else ""
        lines.append("" if literal is not None else line)
    return "\n".join(lines)


def prose_of_shell(text):
    """Comments alone, without their number signs."""
    return "\n".join(line[found.end():] if (found := re.search(r"(?:^|\s)#+(?=\s)", line)) else "" for line in text.split("\n"))


def prose_of_python(text):
    """Comments and docstrings, by the line."""
    lines = [""] * (text.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or token.type == tokenize.STRING and token.string.startswith('"""'):
            for number, line in enumerate(token.string.split("\n"), token.start[0]):
                lines[number - 1] = line.lstrip("#")
    return "\n".join(lines)


def rst_literal(before, line):
    return before.rstrip().endswith("::") and len(line) - len(line.lstrip()) > len(before) - len(before.lstrip())


def markdown_literal(before, line):
    return not before and line.startswith("    ")


def found_in(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith((".c", ".h")):
        prose = prose_of_c(text)
    elif path.endswith(".py"):
        prose = prose_of_python(text)
    elif path.endswith(SCRIPTS + SHELL):
        prose = prose_of_shell(text)
    else:
        prose = prose_of_page(text, rst_literal if path.endswith(".rst") else markdown_literal)
    # A comment's own asterisks separate the words at a line's end and at the next one's beginning.
    prose = re.sub(r"\n[ \t]*\*(?!/)", lambda found: found.group().replace("*", " "), prose)
    for word in PATTERN.finditer(prose):
        yield prose.count("\n", 0, word.start()) + 1, " ".join(word.group().split())


def files(root):
    for area, endings in AREAS:
        start = os.path.join(root, area)
        if os.path.isfile(start):
            yield start
        for folder, _, names in os.walk(start):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name.endswith(endings) and not any(part in os.path.relpath(path, root) for part in GENERATED):
                    yield path


def complaints(root):
    return [f"{os.path.relpath(path, root)}:{line}: '{word}'" for path in files(root) for line, word in found_in(path)]


def self_check():
    """Each word is found in each kind of file, and none in text that is not checked."""
    kinds = {"kmod/core/plant.c": "/* A comment: {}. */\nint whole;\n", "tools/cli/plant.c": "const char *text = \"{} is here\";\n",
             "Documentation/networking/plant.rst": "A page::\n\n    who\n\n- an item\n      and {} is here.\n",
             "README.md": "A page: {}.\n\n    who\n", "selftests/unit/plant.c": "/* A comment: {}. */\nint whole;\n",
             "selftests/plant.sh": "echo whole # a comment: {}\n", "selftests/debug/Makefile": "# A comment: {}.\nwhole:\n",
             "selftests/bench/plant.c": "/* A comment: {}. */\nint whole;\n", "hooks/pre-commit": "# A comment: {}.\necho whole\n",
             "selftests/plant.py": '"""A docstring: {}."""\nprint("whole")\n'}
    for path, text in kinds.items():
        for word in WORDS + [word.replace(" ", "\n * ") for word in WORDS if " " in word and path.startswith("kmod")]:
            with tempfile.TemporaryDirectory() as work:
                os.makedirs(os.path.join(work, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(work, path), "w", encoding="utf-8") as file:
                    file.write(text.format(word))
                if len(complaints(work)) != 1:
                    sys.exit(f"words.py: '{word}' planted in {path} was found {len(complaints(work))} times")
                with open(os.path.join(work, path), "w", encoding="utf-8") as file:
                    file.write(text.format("peer").replace("whole", "who"))
                if complaints(work):
                    sys.exit(f"words.py: found {complaints(work)} in {path}, where no word is")


def main(arguments):
    if arguments == ["--self-check"]:
        self_check()
    elif arguments:
        sys.exit(f"words.py: '{arguments[0]}' is no option; expected --self-check or nothing")
    else:
        found = complaints(ROOT)
        print("\n".join(found), end="\n" if found else "")
        sys.exit(bool(found))


main(sys.argv[1:])
