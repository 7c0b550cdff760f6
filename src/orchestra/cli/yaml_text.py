"""YAML as people write it, and as `documents` reads it back: every text stays a text, programs keep their lines."""

import re
from typing import Any, Final

import yaml

_PLAIN: Final = re.compile(r"[A-Za-z_/.][\w ./@-]*", re.ASCII)
"""Texts that may stand without quotes, if the writer has no reason of its own to put them: no number looks so."""


LINE_LENGTH: Final = 100
"""Where a list no longer fits on its line."""


class _Dumper(yaml.SafeDumper):
    """Lists are indented below their key, and nothing is written as an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = None
    if "\n" in value:
        style = "|"
    elif not _PLAIN.fullmatch(value):
        # Readers differ in what they take for a number or a boolean: with quotes there is no question.
        style = "'" if re.fullmatch(r"[^'\\]*", value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _list(dumper: _Dumper, value: list[Any]) -> yaml.SequenceNode:
    """A short list of words, such as a command's arguments, stands on one line."""
    is_flat = all(one is None or isinstance(one, str | int | float) for one in value)
    is_short = is_flat and len(text := str(value)) <= LINE_LENGTH and "\\n" not in text
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=is_short)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)


def yaml_text(value: Any) -> str:
    """`value` (a JSON value) as a YAML document."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000))
