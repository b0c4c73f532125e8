# SPDX-License-Identifier: GPL-2.0
"""The changes that mutants.py makes to a C file, and one source that holds all of them.

A mutant is one file with one change: a comparison, an operator, a number, a condition or a statement. switchable()
returns a source in which each function has every mutant's body beside its own, and chooses by the variable weft_mutant:
one compilation serves all mutants. A program sets it from the environment's WEFT_MUTANT, the module from a parameter.
Constants in tables and behind #define cannot be chosen at run time.
"""
import hashlib, re

TOKEN = re.compile(r"""
    (?P<skip>/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | ^[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<number>\b(?:0[xX][0-9a-fA-F]+|[0-9]+)(?:[uUlL]*)\b)
  | (?P<word>\b[A-Za-z_]\w*\b)
  | (?P<operator>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^<>!~=?:;,.(){}\[\]])
  """, re.VERBOSE | re.DOTALL | re.MULTILINE)

OPERATORS = {
    "<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"],
    "+": ["-"], "-": ["+"], "*": ["+"], "/": ["*"], "%": ["/"], "<<": [">>"], ">>": ["<<"], "++": ["--"], "--": ["++"],
    "+=": ["-="], "-=": ["+="], "|=": ["&="], "&=": ["|="], "<<=": [">>="], ">>=": ["<<="], "^": ["|"], "|": ["&"],
    "&": ["|"],
}
WORDS = {"true": "false", "false": "true", "min": "max", "max": "min", "break": "continue"}
BEFORE_UNARY = set("(,=<>!&|+-*/%?:[{};~^") | {"return", "&&", "||", "==", "!=", "<=", ">=", "+=", "-=", "<<", ">>", "case"}
CONTROL = {"if", "while", "for", "switch", "else", "do", "return", "case", "default", "break", "continue", "goto", "static",
           "struct", "enum", "union", "const", "typedef", "extern", "inline", "unsigned", "size_t", "bool", "u8", "u16",
           "u32", "u64", "int", "char", "void", "__be64", "__be32", "__le32", "long"}

# Removing an assertion changes no result.
ASSERTIONS = re.compile(r"lockdep_assert|might_sleep$|BUILD_BUG_ON|static_assert$")


class Token:
    def __init__(self, match):
        self.kind, self.text, self.start, self.end = match.lastgroup, match.group(), match.start(), match.end()


def tokens_of(text):
    return [token for token in map(Token, TOKEN.finditer(text)) if token.kind != "skip"]


def bodies(tokens):
    """(first, last) of the tokens of each function's body: a brace at depth 0 behind a closing parenthesis."""
    depth, first, found = 0, None, []
    for at, token in enumerate(tokens):
        if token.text == "{":
            if not depth and at and tokens[at - 1].text == ")":
                first = at
            depth += 1
        elif token.text == "}":
            depth -= 1
            if not depth and first is not None:
                found.append((first, at))
                first = None
    return found


def function_name(tokens, first):
    """The word before the parameters, which annotations such as __must_hold(x) may follow."""
    depth, at = 0, first - 1
    while True:
        depth += {")": 1, "(": -1}.get(tokens[at].text, 0)
        at -= 1
        if not depth and not (tokens[at].text.startswith("__") and tokens[at - 1].text == ")"):
            return tokens[at].text
        if not depth:
            at -= 1


def closing(tokens, at):
    depth = 0
    for end in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[end].text, 0)
        if not depth:
            return end
    return at


def is_unary(tokens, at):
    return tokens[at - 1].text in BEFORE_UNARY


def changes_of_token(tokens, at):
    """(start, end, replacement) for the possible changes of one token."""
    token = tokens[at]
    if token.kind == "number":
        suffix = token.text[len(token.text.rstrip("uUlL")):]
        digits = token.text.rstrip("uUlL")
        value = int(digits, 8 if digits.isdigit() and digits[0] == "0" else 0)
        return [(token.start, token.end, f"{value + 1}{suffix}")]
    if token.kind == "word" and token.text in WORDS:
        return [(token.start, token.end, WORDS[token.text])]
    if token.text == "!":
        return [(token.start, token.end, "")]
    if token.text in OPERATORS and not (token.text in "-+*&" and is_unary(tokens, at)):
        return [(token.start, token.end, other) for other in OPERATORS[token.text]]
    return []


def changes_of_condition(tokens, at):
    if tokens[at].text not in ("if", "while") or tokens[at + 1].text != "(":
        return []
    end = closing(tokens, at + 1)
    inside = tokens[at + 1].end, tokens[end].start
    never = (inside[0], inside[0], "0 && ("), (inside[1], inside[1], ")")
    always = (inside[0], inside[0], "1 || ("), (inside[1], inside[1], ")")
    return [never] if tokens[at].text == "while" else [never, always]


def in_parentheses(tokens, at):
    """Whether the token is in parentheses, as the condition of a for is."""
    depth = 0
    while tokens[at].text not in "{}":
        depth += {"(": 1, ")": -1}.get(tokens[at].text, 0)
        at -= 1
    return depth > 0


def changes_of_statement(tokens, at):
    """A whole statement that is a call or an assignment."""
    if tokens[at - 1].text not in "{};):" or tokens[at].kind != "word" or tokens[at].text in CONTROL:
        return []
    if tokens[at - 1].text == ")" and tokens[at - 2].text == "(":
        return []
    if tokens[at - 1].text == ";" and in_parentheses(tokens, at):
        return []
    end, depth, does = at, 0, False
    while tokens[end].text != ";":
        if tokens[end].text in "{}":
            return []
        depth += {"(": 1, ")": -1}.get(tokens[end].text, 0)
        if depth < 0:
            return []
        if tokens[end].text in ("&&", "||", "?") and not depth and not does:
            return []
        does |= tokens[end].text in ("(", "=", "++", "--") or tokens[end].text.endswith("=")
        end += 1
    # Two successive words are a declaration.
    if not does or tokens[at + 1].kind == "word" or (tokens[at + 1].text == "*" and tokens[at + 2].kind == "word"):
        return []
    return [(tokens[at].start, tokens[end].start, "(void)0")]


def apart(change):
    return list(change) if isinstance(change[0], tuple) else [change]


class Mutant:
    """`body` is the range of the function's body in the text, or None for a constant outside all functions."""

    def __init__(self, file, text, function, edits, body=None):
        self.file, self.function, self.body, self.edits = file, function, body, edits
        self.line = text.count("\n", 0, edits[0][0]) + 1
        self.before = text.splitlines()[self.line - 1].strip()
        self.after = self.text(text).splitlines()[self.line - 1].strip()
        self.repeated = 0
        self.identity = None

    def text(self, text, first=0, last=None):
        """The part of the file from `first` to `last`, changed."""
        last = len(text) if last is None else last
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new + text[end:]
            last += len(new) - (end - start)
        return text[first:last]

    def label(self):
        return f"{self.function}: {self.before} => {self.after}" + (f" #{self.repeated + 1}" if self.repeated else "")

    def number(self):
        return int(hashlib.sha256(f"{self.file}:{self.label()}".encode()).hexdigest()[:8], 16)


DEFINE = re.compile(r"^#define[ \t]+(\w+)[ \t]+((?:\\\n|[^\n])*)", re.MULTILINE)


def constants(text, tokens):
    """(name, change) for numbers in tables and behind #define."""
    inside = {at for first, last in bodies(tokens) for at in range(first, last)}
    depth, found = 0, []
    for at, token in enumerate(tokens):
        depth += {"{": 1, "}": -1}.get(token.text, 0)
        if depth and token.kind == "number" and at not in inside:
            found += [("table", change) for change in changes_of_token(tokens, at)]
    for define in DEFINE.finditer(text):
        shift = define.start(2)
        values = tokens_of(define.group(2))
        for at, token in enumerate(values):
            if token.kind == "number":
                found += [(define.group(1), (start + shift, end + shift, new))
                          for start, end, new in changes_of_token(values, at)]
    return found


def mutants_of(file, text):
    tokens, found, seen = tokens_of(text), [], {}
    for name, change in constants(text, tokens):
        found.append(Mutant(file, text, name, apart(change)))
    for first, last in bodies(tokens):
        name, body = function_name(tokens, first), (tokens[first].end, tokens[last].start)
        asserted = 0
        for at in range(first + 1, last):
            if ASSERTIONS.match(tokens[at].text):
                asserted = closing(tokens, at + 1)
            if at <= asserted:
                continue
            for change in changes_of_token(tokens, at) + changes_of_condition(tokens, at) + \
                    changes_of_statement(tokens, at):
                found.append(Mutant(file, text, name, apart(change), body))
    for mutant in found:
        label = mutant.label()
        mutant.repeated = seen[label] = seen.get(label, -1) + 1
    return found


# ---- one source for all ----

# The prologue needs no header, because it precedes all includes of the file.
CHOICE = r"""
extern char *getenv(const char *); extern int atoi(const char *); extern int dprintf(int, const char *, ...);
extern int open(const char *, int, ...); extern int close(int);
static int weft_mutant;
static __attribute__((constructor)) void weft_mutant_choose(void)
{ const char *wish = getenv("WEFT_MUTANT"); weft_mutant = wish ? atoi(wish) : 0; }
static __attribute__((unused)) void weft_mutant_reached(char *seen, const char *what)
{ const char *path = getenv("WEFT_MUTANT_REACHED"); int fd; if (*seen || !path) return; *seen = 1;
  fd = open(path, 02002001); if (fd >= 0) { dprintf(fd, "%s\n", what); close(fd); } }
""".replace("\n", " ").strip()

# One of a module's files ends with MODULE_CHOICE. Each reached function is reported once, and by the unchanged module
# only.
MODULE_DECLARATION = "extern int weft_mutant; void weft_mutant_reached(char *seen, const char *what);"
MODULE_CHOICE = r"""
int weft_mutant;
module_param(weft_mutant, int, 0444);
void weft_mutant_reached(char *seen, const char *what)
{ if (*seen || weft_mutant) return; *seen = 1; printk(KERN_DEBUG "weft_mutant: %s\n", what); }
"""


def labels_of(tokens):
    """The labels in a function's body that goto may name."""
    return [token.text for at, token in enumerate(tokens[:-1])
            if token.kind == "word" and tokens[at + 1].text == ":" and token.text != "default" and
            (not at or tokens[at - 1].text in "{};:")]


def reached(file, function):
    return f'static char weft_mutant_seen; weft_mutant_reached(&weft_mutant_seen, "{file}:{function}");'


def body_source(text, first, last, mutants):
    """(source, [(mutant, its first line, its last)]) with lines counted from that of the body's start."""
    labels = labels_of(tokens_of(text[first:last]))
    local = f"__label__ {', '.join(labels)};" if labels else ""
    parts, places, line = [], [], 0

    def put(part):
        nonlocal line
        parts.append(part)
        line += part.count("\n")

    put(f"{reached(mutants[0].file, mutants[0].function)} switch (weft_mutant) {{\n")
    for mutant in mutants:
        start = line
        put(f"case {mutant.identity}: {{ {local}{mutant.text(text, first, last)}\n}} break;\n")
        places.append((mutant, start, line - 1))
    put(f"default: {{ {local}{text[first:last]}\n}}\n}}")
    return "".join(parts), places


def functions_of(text):
    """{the range of the body: name}"""
    tokens = tokens_of(text)
    return {(tokens[first].end, tokens[last].start): function_name(tokens, first) for first, last in bodies(tokens)}


def switchable(text, mutants, prologue=CHOICE, file=None):
    """(source, [(mutant, first line, last line)]) with all mutants that are in functions. With `file`, functions
    without a mutant report that they are reached, too."""
    names = functions_of(text) if file else {}
    by_body = {body: [] for body in names}
    for mutant in mutants:
        by_body.setdefault(mutant.body, []).append(mutant)
    source, places, at = prologue + "\n", [], 0
    for first, last in sorted(by_body):
        source += text[at:first]
        if by_body[first, last]:
            inside, found = body_source(text, first, last, by_body[first, last])
        else:
            inside, found = reached(file, names[first, last]) + text[first:last], []
        start = source.count("\n") + 1
        places += [(mutant, start + one, start + other) for mutant, one, other in found]
        source += inside
        at = last
    return source + text[at:], places
