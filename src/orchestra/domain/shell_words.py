"""Words of a shell program: quotes and expansions, and the marks in them. `shell` reads the commands around.

Where a value must not stand (`context`), or where shells would read the text differently (`doubt`),
the mark is refused with that reason.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from orchestra.domain.shell_code import SimpleCommand

MARK: Final = "\0"
"""Stands for a value; no program can hold this character itself."""

_DEEPEST: Final = 50
"""Levels of nesting that are followed; programs of people have a handful."""


class Quoting(StrEnum):
    """How the text around a mark is quoted."""

    UNQUOTED = "unquoted"
    DOUBLE = "double"
    SINGLE = "single"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Spot:
    """One mark: its quoting, or None and in `refusal` why no value may stand there.

    `is_code`: the command takes this argument as shell text, so only a number may stand there.
    """

    quoting: Quoting | None
    refusal: str = ""
    is_code: bool = False


_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class TooDeepError(Exception):
    """Nesting beyond `_DEEPEST`."""


@dataclass(slots=True)
class WordReader(ABC):
    """The lexer's state, and the reading of words; `commands` reads what stands inside `$( … )`."""

    text: str
    at: int = 0
    end: int = field(init=False)
    found: dict[int, Spot] = field(default_factory=dict)
    doubt: str = ""
    context: str = ""
    """Why nothing may stand in the construct that is being read."""
    command: SimpleCommand = field(default_factory=SimpleCommand)
    """The command whose word is being read."""
    word_begin: int = 0
    code: bool = False
    """Everything here ends up in a command that reads code."""
    depth: int = 0

    def __post_init__(self) -> None:
        self.end = len(self.text)

    # Marks ------------------------------------------------------------------------------------

    def mark(self, quoting: Quoting, refusal: str = "") -> None:
        """Note the mark at the present position and step over it."""
        reason = refusal or self.context or self.doubt
        is_code = self.code or self.command.is_code(self.text[self.word_begin : self.at])
        self.found[self.at] = Spot(None, reason) if reason else Spot(quoting, is_code=is_code)
        self.at += 1

    def peek(self) -> str:
        """Return the character behind the present one, or nothing."""
        return self.text[self.at + 1 : self.at + 2]

    def doubts(self, reason: str) -> None:
        """Refuse every mark from here on."""
        self.doubt = self.doubt or f"stands behind {reason}, which shells read differently"

    def descend(self) -> None:
        """Enter one more level of nesting."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise TooDeepError

    @abstractmethod
    def commands(self, until: str) -> bool:
        """Read a command list up to its end, `until`; see `shell`."""

    def skip_continuation(self) -> bool:
        """Step over a backslash and the newline behind it; return whether there was one."""
        is_continuation = self.text.startswith("\\\n", self.at)
        self.at += 2 * is_continuation
        return is_continuation

    # Words ------------------------------------------------------------------------------------

    def word(self) -> tuple[str | None, bool]:
        """Read one word; return its text without quotes (None when it holds an expansion) and whether it is quoted."""
        begin = self.at
        outer_begin, self.word_begin = self.word_begin, begin
        outer_context = self.context
        parts: list[str] = []
        is_known = True
        is_quoted = False
        while self.at < self.end:
            character = self.text[self.at]
            part: str | None = character
            if character in " \t\n;&|()<>":
                break
            if character == MARK:
                self.mark(Quoting.UNQUOTED)
                part = None
            elif character == "\\":
                part, is_quoted = self._escape(), True
            elif character == "'":
                part, is_quoted = self._single(), True
            elif character == '"':
                part, is_quoted = self._double(), True
            elif character == "`":
                self._backticks()
                part = None
            elif character == "$":
                part = self._dollar(is_double=False)
            else:
                if character == "[" and (self.at == begin or _NAME.fullmatch(self.text, begin, self.at)):
                    self.context = self.context or "stands in a subscript, which may be evaluated"
                elif character == "]":
                    self.context = outer_context
                self.at += 1
            is_known = is_known and part is not None
            parts.append(part or "")
        self.context, self.word_begin = outer_context, outer_begin
        return ("".join(parts) if is_known else None), is_quoted

    def _escape(self) -> str | None:
        """Read a backslash and what it escapes."""
        self.at += 1
        if self.at < self.end and self.text[self.at] == MARK:
            self.mark(Quoting.UNQUOTED, "stands behind a backslash")
            return None
        escaped = self.text[self.at : self.at + 1]
        self.at += 1
        return "" if escaped == "\n" else escaped

    def _single(self) -> str | None:
        self.at += 1
        begin = self.at
        while self.at < self.end and self.text[self.at] != "'":
            if self.text[self.at] == MARK:
                self.mark(Quoting.SINGLE)
            else:
                self.at += 1
        content = self.text[begin : self.at]
        self.at += 1
        return None if MARK in content else content

    def _double(self) -> str | None:
        self.at += 1
        begin = self.at
        is_plain = True
        while self.at < self.end and self.text[self.at] != '"':
            character = self.text[self.at]
            is_plain = is_plain and character not in "\0`$\\"
            if character == MARK:
                self.mark(Quoting.DOUBLE)
            elif character == "\\":
                self._escape()
            elif character == "`":
                self._backticks()
            elif character == "$":
                self._dollar(is_double=True)
            else:
                self.at += 1
        content = self.text[begin : self.at]
        self.at += 1
        return content if is_plain else None

    # Expansions -------------------------------------------------------------------------------

    def _dollar(self, *, is_double: bool) -> str | None:
        """Read an expansion; return `$` where it is an ordinary character, else None."""
        self.descend()
        self.at += 1
        while self.skip_continuation():
            pass
        following = self.text[self.at : self.at + 1]
        is_expansion = True
        if following == MARK:
            self.mark(Quoting.UNQUOTED, "stands behind '$'")
        elif following == "(":
            if self.peek() == "(":
                self._arithmetic()
            else:
                self.at += 1
                self.commands(")")
        elif following == "{":
            self._braces(is_double=is_double)
        elif following == "[":
            self.doubts("'$['")
        elif following == "'" and not is_double:
            self._escaped_quote()
        elif following and following in "@*#?$!-0123456789":
            self.at += 1
        else:
            is_expansion = following.isalpha() or following == "_"
        self.depth -= 1
        return None if is_expansion else "$"

    def _escaped_quote(self) -> None:
        """Read `$' … '`: escapes in some shells, an ordinary quote behind a dollar sign in others."""
        outer, self.context = self.context, self.context or "stands in \"$' … '\""
        content = self._single()
        self.context = outer
        if content is None or "\\" in content:
            self.doubts("\"$' … '\" with a backslash")

    def _arithmetic(self) -> None:
        outer, self.context = self.context, self.context or "stands in arithmetic"
        self.at += 2
        level = 0
        while self.at < self.end:
            character = self.text[self.at]
            if character == ")" and level == 0:
                if self.peek() != ")":
                    self.doubts("'$((' that does not end with '))'")
                self.at += 2
                break
            level += {"(": 1, ")": -1}.get(character, 0)
            if character in "'\"":
                self.doubts("a quote in arithmetic")
            self._inner(character, is_double=True)
        self.context = outer

    def _braces(self, *, is_double: bool) -> None:
        """Read `${ … }`; what follows the name is quoted by rules of its own."""
        outer, self.context = self.context, self.context or "stands inside '${ … }'"
        self.at += 1
        while self.at < self.end:
            character = self.text[self.at]
            if character == "}":
                self.at += 1
                break
            if character == "'" and not is_double:
                self._single()
            elif character == '"':
                begin = self.at
                self._double()
                if is_double and ("}" in self.text[begin : self.at] or "'" in self.text[begin : self.at]):
                    self.doubts("quotes inside '${ … }' inside quotes")
            else:
                if character == "'":
                    self.doubts("a single quote inside '${ … }' inside double quotes")
                self._inner(character, is_double=is_double)
        self.context = outer

    def _inner(self, character: str, *, is_double: bool) -> None:
        """Step over one character, escape or expansion inside `${ … }` or arithmetic."""
        if character == MARK:
            self.mark(Quoting.UNQUOTED)
        elif character == "\\":
            self._escape()
        elif character == "`":
            self._backticks()
        elif character == "$":
            self._dollar(is_double=is_double)
        else:
            self.at += 1

    def _backticks(self) -> None:
        outer, self.context = self.context, self.context or "stands in backticks"
        self.at += 1
        while self.at < self.end and self.text[self.at] != "`":
            if self.text[self.at] == "\\":
                self._escape()
            elif self.text[self.at] == MARK:
                self.mark(Quoting.UNQUOTED)
            else:
                self.at += 1
        self.at += 1
        self.context = outer
