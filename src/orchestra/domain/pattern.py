"""Patterns of parameters: Python's regular expressions in the strict sense, matched in linear time (S-28).

`re` backtracks: `(a+)+b` takes for ever on thirty letters, and `.*.*.*x` on 4,000. Values come from
whoever may trigger a job, so `Pattern` matches with a set of states instead (Thompson 1968), at most
`STATES` of them, and `re` only decides about one character at a time. What needs backtracking
(look-around, back-references, possessive and atomic groups) is refused with its position.

Grammar: characters, `.`, escapes, classes, groups `( )` and `(?: )`, `|`, and the quantifiers
`* + ? {n} {n,} {n,m}` (lazy ones mean the same, since the whole value must match). `^` and `$` stand
for the beginning and the end; `(?i)` at the beginning ignores case.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

LENGTH: Final = 500
"""Characters of a pattern."""
STATES: Final = 1000
"""Places in a pattern, repetitions written out."""
VALUE: Final = 4096
"""Characters of a value: with `STATES`, the worst pattern takes about a second, usual ones well under a millisecond."""
_DEEPEST: Final = 50

_QUANTIFIER: Final = re.compile(r"([*+?])|\{(?!\})([0-9]*)(?:(,)([0-9]*))?\}")
_ESCAPE: Final = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[dDsSwWnrtfv]|[^A-Za-z0-9])")


class PatternError(Exception):
    """A pattern that is not accepted: the message is a fact with the position (from 1)."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One character: what `re` says about it alone."""

    text: str


@dataclass(frozen=True, slots=True)
class _Anchor:
    is_end: bool


@dataclass(frozen=True, slots=True)
class _Join:
    parts: "tuple[_Tree, ...]"


@dataclass(frozen=True, slots=True)
class _Any:
    parts: "tuple[_Tree, ...]"


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: "_Tree"
    least: int
    most: int | None


_Tree = _Leaf | _Anchor | _Join | _Any | _Repeat


@lru_cache(maxsize=256)
def compiled(text: str) -> "Pattern":
    """Return the pattern. Raises `PatternError`."""
    return Pattern(text)


class Pattern:
    """A pattern, ready to match whole texts. Raises `PatternError` for what is not accepted."""

    def __init__(self, text: str) -> None:
        if len(text) > LENGTH:
            raise PatternError(f"the pattern has {len(text)} characters, more than {LENGTH}")
        reader = _Reader(text)
        tree = reader.read()
        self._machine = _Machine(reader.flags)
        self._start = self._machine.build(tree, _FINAL)
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def matches(self, value: str) -> bool:
        """Tell whether the whole of `value` matches. Longer values than `VALUE` never do."""
        if len(value) > VALUE:
            return False
        states = self._machine.closure({self._start}, at_start=True, at_end=not value)
        for character in value[:-1]:
            states = self._step(states, character)
        if value:
            states = self._machine.closure(self._machine.after(states, value[-1]), at_start=False, at_end=True)
        return _FINAL in states

    def _step(self, states: frozenset[int], character: str) -> frozenset[int]:
        key = states, character
        after = self._steps.get(key)
        if after is None:
            after = self._machine.closure(self._machine.after(states, character), at_start=False, at_end=False)
            if len(self._steps) < 1024:  # most values walk a few paths; others pay the full price
                self._steps[key] = after
        return after


_FINAL: Final = 0


@dataclass(slots=True)
class _Machine:
    """States by number; 0 is the end. A state is a leaf (character, then state), a branch or an anchor."""

    flags: re.RegexFlag
    leaves: dict[int, tuple[re.Pattern[str], int]] = field(default_factory=dict)
    branches: dict[int, list[int]] = field(default_factory=dict)
    anchors: dict[int, tuple[bool, int]] = field(default_factory=dict)
    accepting: dict[str, frozenset[int]] = field(default_factory=dict)
    """The leaves that take a character."""
    count: int = 1
    visits: int = 0

    def build(self, tree: _Tree, after: int) -> int:
        """Add the states of `tree` before the state `after`; return where it begins."""
        self.visits += 1
        if self.visits > 10 * STATES:
            self._too_large()
        match tree:
            case _Leaf(text):
                state = self._new()
                self.leaves[state] = re.compile(text, self.flags), after
                return state
            case _Anchor(is_end):
                state = self._new()
                self.anchors[state] = is_end, after
                return state
            case _Join(parts):
                for part in reversed(parts):
                    after = self.build(part, after)
                return after
            case _Any(parts):
                state = self._new()
                self.branches[state] = [self.build(part, after) for part in parts]
                return state
            case _Repeat(part, least, most):
                return self._repeat(part, least, most, after)

    def _repeat(self, part: _Tree, least: int, most: int | None, after: int) -> int:
        end = after
        if most is None:
            after = self._new()
            self.branches[after] = [end]
            self.branches[after].append(self.build(part, after))
        for _ in range(0 if most is None else most - least):
            optional = self._new()
            self.branches[optional] = [end, self.build(part, after)]
            after = optional
        for _ in range(least):
            after = self.build(part, after)
        return after

    def _new(self) -> int:
        self.count += 1
        if self.count > STATES:
            self._too_large()
        return self.count - 1

    def _too_large(self) -> None:
        raise PatternError(f"the pattern is too large: its repetitions need more than {STATES} places")

    def after(self, states: frozenset[int], character: str) -> set[int]:
        """Return the states behind `character`."""
        accepting = self.accepting.get(character)
        if accepting is None:
            accepting = frozenset(state for state, (leaf, _) in self.leaves.items() if leaf.fullmatch(character))
            if len(self.accepting) < 256:
                self.accepting[character] = accepting
        return {self.leaves[state][1] for state in states & accepting}

    def closure(self, states: set[int], *, at_start: bool, at_end: bool) -> frozenset[int]:
        """Return the states that are reached without a character."""
        found: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in found:
                continue
            found.add(state)
            waiting += self.branches.get(state, ())
            if (anchor := self.anchors.get(state)) is not None and (at_end if anchor[0] else at_start):
                waiting.append(anchor[1])
        return frozenset(found)


class _Reader:
    """Reads a pattern by recursive descent."""

    def __init__(self, text: str) -> None:
        self.flags = re.RegexFlag.NOFLAG
        self._text = text
        self._at = 0
        self._depth = 0
        if text.startswith("(?i)"):
            self.flags = re.RegexFlag.IGNORECASE
            self._at = 4

    def read(self) -> _Tree:
        tree = self._alternatives()
        if self._at < len(self._text):
            self._fail("a closing parenthesis without its opening one")
        return tree

    def _fail(self, fact: str) -> None:
        raise PatternError(f"{fact} at character {self._at + 1}")

    def _alternatives(self) -> _Tree:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._fail(f"groups nested deeper than {_DEEPEST}")
        parts = [self._sequence()]
        while self._text.startswith("|", self._at):
            self._at += 1
            parts.append(self._sequence())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else _Any(tuple(parts))

    def _sequence(self) -> _Tree:
        parts: list[_Tree] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._quantified(self._atom()))
        return _Join(tuple(parts))

    def _quantified(self, tree: _Tree) -> _Tree:
        match = _QUANTIFIER.match(self._text, self._at)
        if match is None:
            return tree
        if isinstance(tree, _Anchor):
            self._fail("a quantifier behind ^ or $")
        least, most = _bounds(match)
        if max(least, most or 0) > STATES:
            self._fail(f"a repetition of more than {STATES}")
        if most is not None and most < least:
            self._fail("a repetition whose end is before its beginning")
        self._at = match.end()
        if self._text.startswith("?", self._at):
            self._at += 1
        elif _QUANTIFIER.match(self._text, self._at):
            self._fail("a second quantifier (possessive ones are not supported)")
        return _Repeat(tree, least, most)

    def _atom(self) -> _Tree:
        character = self._text[self._at]
        if character == "(":
            return self._group()
        if character == "[":
            return self._leaf(self._class_end())
        if character == "\\":
            return self._escape()
        if character in "^$":
            self._at += 1
            return _Anchor(character == "$")
        if _QUANTIFIER.match(self._text, self._at):
            self._fail("a quantifier without anything to repeat")
        if character == ".":
            return self._leaf(self._at + 1)
        self._at += 1
        return _Leaf(re.escape(character))

    def _leaf(self, end: int) -> _Leaf:
        text = self._text[self._at : end]
        try:
            re.compile(text)
        except re.error as error:
            self._fail(f"{error.msg} in {text!r}")
        self._at = end
        return _Leaf(text)

    def _group(self) -> _Tree:
        if self._text.startswith("(?", self._at) and not self._text.startswith("(?:", self._at):
            self._fail("'(?' (only plain groups and '(?:' are supported: no look-around, names or flags inside)")
        begin = self._at
        self._at += 3 if self._text.startswith("(?:", self._at) else 1
        tree = self._alternatives()
        if not self._text.startswith(")", self._at):
            self._at = begin
            self._fail("an opening parenthesis without its closing one")
        self._at += 1
        return tree

    def _escape(self) -> _Tree:
        match = _ESCAPE.match(self._text, self._at)
        if match is None:
            escape = self._text[self._at : self._at + 2]
            self._fail(f"the escape {escape} (back-references and \\b are not supported)")
            raise AssertionError
        return self._leaf(match.end())

    def _class_end(self) -> int:
        """Return the position behind the class that begins here."""
        at = self._at + 1
        at += self._text.startswith("^", at)
        first = at
        while at < len(self._text) and (self._text[at] != "]" or at == first):
            if self._text[at] == "\\":
                at += 1
            elif self._text[at] == "[" or self._text.startswith(("--", "&&", "~~", "||"), at):
                # Python announces other meanings for these (sets of classes) with a warning.
                self._at = at
                self._fail(f"{self._text[at]!r} in a class (write a backslash before it)")
            at += 1
        if at >= len(self._text):
            self._fail("a class without its closing bracket")
        return at + 1


def _bounds(match: re.Match[str]) -> tuple[int, int | None]:
    sign, least, comma, most = match.groups()
    if sign is not None:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
    if comma is None:
        return int(least), int(least)
    return int(least or 0), int(most) if most else None
