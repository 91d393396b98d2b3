"""The servers' CSV readers, one module for each family.

A reader takes the parts of a body and `Options`, and yields a pair for each row that it does not skip: the fields as bytes with
None for NULL, or a `Filtered`; and the raw row. How a body is cut into parts changes nothing.
"""

from dataclasses import dataclass

from . import doris, starrocks_enclose, starrocks_plain
from .common import Filtered, LineTooLong, Options, TooFewLines

READERS = {
    "starrocks-plain": starrocks_plain.rows,
    "starrocks-enclose-a": lambda parts, options: starrocks_enclose.rows(parts, options, newest=False),
    "starrocks-enclose-b": lambda parts, options: starrocks_enclose.rows(parts, options, newest=True),
    "doris-plain": doris.plain,
    "doris-enclose-a": lambda parts, options: doris.enclosed(parts, options, newest=False),
    "doris-enclose-b": lambda parts, options: doris.enclosed(parts, options, newest=True),
}


@dataclass(frozen=True)
class Interface:
    """The reader that a server has behind one interface for loads that send `enclose` or `escape`, and the headers it reads."""

    plain: str
    enclose: str = ""
    """Empty: `enclose` and `escape` are ignored in silence."""
    extras: bool = True
    """Whether `skip_header` and `trim_space` are read; Doris: `skip_lines` and `trim_double_quotes`."""

    def choose(self, headers):
        """(reader, the headers that it sees)."""
        ignored = () if self.extras else ("skip_header", "trim_space")
        ignored += () if self.enclose else ("enclose", "escape")
        seen = {name: value for name, value in headers.items() if name not in ignored}
        marked = seen.get("enclose") or (seen.get("escape") and self.enclose.startswith("starrocks"))
        return (self.enclose if marked else self.plain), seen


STARROCKS_TRANSACTION = Interface("starrocks-plain", extras=False)
STARROCKS_25 = Interface("starrocks-plain", extras=False)
STARROCKS_A = Interface("starrocks-plain", "starrocks-enclose-a")
STARROCKS_B = Interface("starrocks-plain", "starrocks-enclose-b")
DORIS_A = Interface("doris-plain", "doris-enclose-a")
DORIS_B = Interface("doris-plain", "doris-enclose-b")
"""Doris reads the same headers with and without two-phase commit."""
