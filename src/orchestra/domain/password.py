"""Passwords that people choose: which are refused, with every reason at once.

What counts is how long a password is without what an attacker tries first: a common password at its
heart, the product's and the user's own names, one piece said again and again, a run such as
`abcdef`. There are no rules of composition (digits, capitals), and nothing is cut off or normalised:
what was typed is what is hashed.

Rules: pure; which passwords are common the caller says. Lengths are in characters.
Source: NIST SP 800-63B section 5.1.1.2, OWASP ASVS 5.0 section 6.2.
"""

from collections.abc import Container, Iterable
from itertools import pairwise
from typing import Final

SHORTEST: Final = 12
LONGEST: Final = 1024
"""Nobody types more; the bound keeps hashing cheap."""

PRODUCT_WORDS: Final = ("orchestra",)
WORD_SHORTEST: Final = 3
"""Shorter names stand in too many words to mean anything."""


def check(password: str, names: Iterable[str], common: Container[str]) -> tuple[str, ...]:
    """Return everything that is wrong with a new password; empty when it may be used.

    `names` are what the user is called; `common` holds passwords that are tried first, in lower case.
    """
    problems = []
    if len(password) < SHORTEST:
        problems.append(f"expected at least {SHORTEST} characters, got {len(password)}")
    if len(password) > LONGEST:
        problems.append(f"expected at most {LONGEST} characters, got {len(password)}")
        return tuple(problems)
    text = password.casefold()
    heart = _heart(text)
    if text in common:
        problems.append("it is one of the most common passwords")
    elif heart in common and len(text) - len(heart) < SHORTEST:
        problems.append("it is one of the most common passwords with a few characters around it")
    piece = _piece(text)
    # Compared without case, where one character may be two (ß): the length that counts is that of what was typed.
    if len(piece) < len(text) and len(password) * len(piece) < SHORTEST * len(text):
        problems.append("it is one piece repeated; a repetition counts once")
    elif len(text) > 2 and _is_run(text):
        problems.append("it is a run of neighbouring characters")
    found = [word for word in _words(names) if word in text]
    if found and _length_without(text, found) < SHORTEST:
        named = ", ".join(found)
        problems.append(f"expected at least {SHORTEST} characters beside {named}: it is tried first")
    return tuple(problems)


def _heart(text: str) -> str:
    """The text without what is no letter at its ends: `password` of `1password!!`."""
    letters = [index for index, one in enumerate(text) if one.isalpha()]
    return text[letters[0] : letters[-1] + 1] if letters else ""


def _piece(text: str) -> str:
    """The shortest piece that, repeated (the last time perhaps in part), gives the text.

    By the borders of all beginnings (Knuth, Morris, Pratt), so in time linear in the length.
    """
    borders = [0] * len(text)
    for index in range(1, len(text)):
        length = borders[index - 1]
        while length and text[index] != text[length]:
            length = borders[length - 1]
        borders[index] = length + (text[index] == text[length])
    period = len(text) - (borders[-1] if borders else 0)
    return text[:period] if period * 2 <= len(text) else text


def _is_run(text: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return steps in ({1}, {-1})


def _words(names: Iterable[str]) -> list[str]:
    """What the product and the user are called, longest first: each name whole, and each of its words."""
    found = set(PRODUCT_WORDS)
    for name in names:
        plain = name.casefold()
        parts = "".join(one if one.isalnum() else " " for one in plain).split()
        found.update(one for one in (plain, *parts) if len(one) >= WORD_SHORTEST)
    return sorted(found, key=lambda one: (-len(one), one))


def _length_without(text: str, words: Iterable[str]) -> int:
    for word in words:
        text = text.replace(word, "")
    return len(text)
