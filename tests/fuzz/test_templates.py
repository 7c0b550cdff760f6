"""S-20: templates are read in one pass over a known tree, compared with another reading of the same rules."""

from __future__ import annotations

from fuzz.templates import differences


def test_s20_ten_thousand_templates_are_read_as_the_rules_say() -> None:
    """`make fuzz-templates` compares more."""
    assert differences(seed=20, count=10_000) == []
