"""Each cause that a run can have is explained to users, and nothing else is."""

import re
from pathlib import Path

from orchestra.domain.run import CauseCode

PAGE = Path(__file__).resolve().parents[2] / "docs/causes.md"


def test_each_cause_is_documented_once_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(CauseCode)
