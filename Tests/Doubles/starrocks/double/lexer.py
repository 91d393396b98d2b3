"""Words of StarRocks SQL, and a cursor over them."""

import re

from .catalog import SQLError

TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|\#[^\n]*|/\*(?!\+).*?\*/)
      | (?P<hint>/\*\+.*?\*/)
      | (?P<quoted>`(?:[^`]|``)*`)
      | (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<word>[\w$@]+)
      | (?P<sign><=>|<=|>=|<>|!=|.)""",
    re.X | re.S,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


def unquote(text):
    mark = text[0]
    body = text[1:-1].replace(mark * 2, mark)
    return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), body, flags=re.S)


class Token:
    __slots__ = ("kind", "text", "start", "end")

    def __init__(self, kind, text, start, end):
        self.kind, self.text, self.start, self.end = kind, text, start, end

    @property
    def upper(self):
        return self.text.upper() if self.kind in ("word", "sign") else ""


class Words:
    """Reads a statement from left to right."""

    def __init__(self, sql):
        self.sql = sql
        self.tokens = [
            Token(match.lastgroup, match[0], match.start(), match.end())
            for match in TOKEN.finditer(sql) if match.lastgroup not in ("space",)
        ]
        self.at = 0

    @property
    def more(self):
        return self.at < len(self.tokens)

    def peek(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else Token("end", "", len(self.sql), len(self.sql))

    def next(self):
        token = self.peek()
        self.at += 1
        return token

    def accept(self, *words):
        """Steps over these words if they come next."""
        for ahead, word in enumerate(words):
            if self.peek(ahead).upper != word:
                return False
        self.at += len(words)
        return True

    def expect(self, *words):
        if not self.accept(*words):
            self.fail(f"expecting {' '.join(words)}")

    def fail(self, why):
        token = self.peek()
        raise SQLError(f"Getting syntax error near '{token.text or '<EOF>'}'. Detail message: {why}.")

    def name(self):
        token = self.next()
        if token.kind == "quoted":
            return token.text[1:-1].replace("``", "`")
        if token.kind in ("word", "number"):
            return token.text
        self.at -= 1
        return self.fail("a name is expected")

    def path(self):
        """`db`.`table` or `table`: (database or None, table)."""
        first = self.name()
        names = [first]
        while self.accept("."):
            names.append(self.name())
        return (names[-2] if len(names) > 1 else None), names[-1]

    def literal(self):
        token = self.next()
        if token.kind == "string":
            return unquote(token.text)
        if token.text == "-":
            return "-" + self.next().text
        return token.text

    def names(self):
        """(a, b, …)"""
        self.expect("(")
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        self.expect(")")
        return found

    def balanced(self):
        """The text between a bracket that comes next and its partner, without both."""
        self.expect("(")
        start, depth = self.peek().start, 1
        while depth:
            token = self.next()
            if token.kind == "end":
                self.fail("a bracket is open")
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        return self.sql[start : self.tokens[self.at - 1].start].strip()

    def rest(self):
        text = self.sql[self.peek().start :]
        self.at = len(self.tokens)
        return text.strip().rstrip(";").strip()

    def properties(self):
        """("a" = "b", …)"""
        self.expect("(")
        found = {}
        while not self.accept(")"):
            key = self.literal()
            self.expect("=")
            found[key] = self.literal()
            self.accept(",")
        return found
