#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Words that a sentence of weft's has no use for: its subject is a noun of the field (CONTRIBUTING.md, "The language").

words.py                 looks through comments, messages and pages
words.py --self-check    plants each word in a copy and looks whether it is found

Of C the comments and strings count, of scripts and makefiles the comments, of Python docstrings, too; of pages all text
but literal blocks.
"""
import os, re, sys, tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
WORDS = ["who", "whoever", "nobody", "somebody", "anybody", "go no further", "goes no further", "its like", "come to", "comes to"]
# A finding of the doctor's may be called nobody-calls.
PATTERN = re.compile(r"(?<![\w-])(" + "|".join(word.replace(" ", r"\s+") for word in WORDS) + r")(?![\w-])", re.IGNORECASE)
# Folders and files, and in which of their files; what is generated or another's is left out.
AREAS = [("kmod", (".c", ".h")), ("tools", (".c", ".h")), ("Documentation/networking", (".rst",)), ("Documentation/man", (".4", ".5", ".8")),
         ("README.md", (".md",)), ("CONTRIBUTING.md", (".md",)), ("SECURITY.md", (".md",)), ("NEWS.md", (".md",))]
SCRIPTS = (".sh", ".py", "Makefile", "Kbuild")
AREAS += [(f"selftests/{folder}", (".c", ".h", *SCRIPTS)) for folder in ("unit", "kunit", "tools", "fuzz", "debug")]
GENERATED = ("netlink-gen.", "uapi/", ".mod.c", "compat-include/", "build/")

TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
COMMENT = re.compile(r'"""[\s\S]*?"""|(?<!\S)#[^\n]*')


def blank(text):
    """As many lines as before, and nothing in them."""
    return "\n" * text.count("\n")


def prose_of_c(text):
    parts, at = [], 0
    for token in TOKEN.finditer(text):
        parts += [blank(text[at:token.start()]), " " if token.group().startswith("'") else token.group()]
        at = token.end()
    return "".join(parts)


def prose_of_script(text):
    parts, at = [], 0
    for comment in COMMENT.finditer(text):
        parts += [blank(text[at:comment.start()]), comment.group().replace("#", " ")]
        at = comment.end()
    return "".join(parts)


def prose_of_page(text, literal_after):
    """Without what is shown as it stands: text between backquotes, and what is indented below a line that announces it."""
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


def rst_literal(before, line):
    return before.rstrip().endswith("::") and len(line) - len(line.lstrip()) > len(before) - len(before.lstrip())


def markdown_literal(before, line):
    return not before and line.startswith("    ")


def found_in(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith((".c", ".h")):
        prose = prose_of_c(text)
    elif path.endswith(SCRIPTS):
        prose = prose_of_script(text)
    else:
        prose = prose_of_page(text, rst_literal if path.endswith(".rst") else markdown_literal)
    # The comment's own asterisks stand between the words of a line's end and of the next one's begin.
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
    """Each word, in each kind of file, where a word that stays is not found."""
    kinds = {"kmod/core/plant.c": "/* A comment: {}. */\nint whole;\n", "tools/cli/plant.c": "const char *text = \"{} is here\";\n",
             "Documentation/networking/plant.rst": "A page::\n\n    who\n\n- an item\n      and {} is here.\n",
             "README.md": "A page: {}.\n\n    who\n", "selftests/unit/plant.c": "/* A comment: {}. */\nint whole;\n",
             "selftests/debug/plant.sh": "# A comment: {}.\necho who $#\n",
             "selftests/tools/plant.py": "\"\"\"A page: {}.\"\"\"\nwho = 1\n"}
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
                    sys.exit(f"words.py: found {complaints(work)} in {path}, where there is nothing")


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
