"""Templates against an oracle: another reading of the same rules, by hand, one character after the other (S-20).

Texts are made of pieces that look like substitutions: roots that exist or nearly, braces that are doubled, left open or
nested, attributes, indexes, conversions and format specifications of Python. Values hold substitutions themselves.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any, Final

from orchestra.domain.template import BadTemplateError, fill

VALUES: Final[dict[str, Any]] = {
    "parameters": {
        "a": "{parameters.b}",
        "b": "$(touch /tmp/x)",
        "a.b": "{{run.number}}",
        "n": 5,
        "__class__": "no class",
    },
    "project": {"identifier": "{environment.A}"},
    "job": {"identifier": "build"},
    "run": {"number": 7, "identifier": "{0}"},
    "worker": {"properties": {"os": "{!r}"}},
    "results": {"a": {"b": ["{results.a}", None, True]}, "{x}": "braces"},
    "services": {"s": {"url": "%s{parameters.a}"}},
    "environment": {"A": "{environment.A}", "HOME": "/root"},
}
ROOTS: Final = tuple(VALUES)
PIECES: Final = (
    *(
        "{",
        "}",
        "{{",
        "}}",
        "{}",
        "{0}",
        "{!r}",
        "{:>9}",
        ".",
        "$",
        "%s",
        "${",
        "\\",
        "\n",
        " ",
        "'",
        '"',
        "`",
        "é",
        "\U0001f4a9",
    ),
    *(f"{{{root}." for root in ROOTS),
    *(f"{{{root}}}" for root in ROOTS),
    *(f"{{{{{root}." for root in ROOTS),
    *(
        "parameters",
        "a",
        "b",
        "a.b",
        "n",
        "number",
        "identifier",
        "properties.os",
        "a.b.0",
        "a.b.1",
        "s.url",
        "A",
        "HOME",
    ),
    *(
        "__class__",
        "a.__class__",
        "a[0]",
        "a!r",
        "a:>9",
        "a}",
        "n}",
        "number}",
        "a.b.2}",
        "A}",
        "properties.os}",
        "a.b}",
    ),
)


def text_of_pieces(chance: random.Random) -> str:
    return "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 12)))


def expected(text: str) -> str | None:
    """What the rules of docs/templates.md make of `text`; None where they refuse it."""
    made: list[str] = []
    at = 0
    while at < len(text):
        literal = _placeholder(text, at + 1) if text.startswith("{{", at) else None
        if literal is not None and text.startswith("}}", literal[1]):
            made.append("{" + f"{literal[0][0]}.{literal[0][1]}" + "}")
            at = literal[1] + 2
            continue
        found = _placeholder(text, at)
        if found is None or not text.startswith("}", found[1]):
            made.append(text[at])
            at += 1
            continue
        (root, path), end = found
        value = _look_up(VALUES[root], path.split("."))
        if value is None:
            return None
        made.append(value[0])
        at = end + 1
    return "".join(made)


def _placeholder(text: str, at: int) -> tuple[tuple[str, str], int] | None:
    """`{root.path` at `at`, and where it ends, before its brace."""
    if not text.startswith("{", at):
        return None
    for root in ROOTS:
        if text.startswith(f"{root}.", at + 1):
            end = at + 2 + len(root)
            while end < len(text) and text[end] not in "{}\n":
                end += 1
            return (root, text[at + 2 + len(root) : end]), end
    return None


def _look_up(tree: Any, names: list[str]) -> tuple[str] | None:
    """The text of what the names lead to, longer names first; None for nothing."""
    if not names:
        return (_text(tree),)
    for count in range(len(names), 0, -1):
        head, rest = ".".join(names[:count]), names[count:]
        if isinstance(tree, dict) and head in tree:
            found = _look_up(tree[head], rest)
            if found is not None:
                return found
        if isinstance(tree, list) and head.isascii() and head.isdigit() and int(head) < len(tree):
            found = _look_up(tree[int(head)], rest)
            if found is not None:
                return found
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def differences(seed: int, count: int) -> list[str]:
    """Compare `count` texts; return those that the two read differently."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        text = text_of_pieces(chance)
        try:
            got = fill(text, VALUES)
        except BadTemplateError:
            got = None
        if got != expected(text):
            found.append(f"{text!r}: got {got!r}, expected {expected(text)!r}")
    return found


def main() -> int:
    """Compare as many as the arguments say: seed, count."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(1 << 32)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    found = differences(seed, count)
    print(f"seed {seed}: {count} templates, {len(found)} read otherwise than the rules say")
    for one in found:
        print(one)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
