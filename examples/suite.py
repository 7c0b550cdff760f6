"""The test suite of the example job `test-suite`: Orchestra's own.

    suite.py [TEXT]     only tests whose names contain TEXT

Where this file stands in a checkout and pytest is installed, the domain's tests run; elsewhere the
checks below, which need nothing but the package. The exit code is 0 when all passed; the counts go to
the file that ORCHESTRA_RESULTS names.
"""

import importlib.util
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from orchestra.domain import cron, manifest, template
from orchestra.domain.errors import InvalidContent
from orchestra.domain.run import TERMINAL, TRANSITIONS
from orchestra.domain.template import Prepared

CHECKOUT: Final = Path(__file__).resolve().parent.parent
TESTS: Final = CHECKOUT / "tests" / "unit" / "domain"


class Checks(unittest.TestCase):
    """What must hold wherever Orchestra is installed."""

    def test_a_value_reaches_the_shell_unharmed(self) -> None:
        value = 'it\'s "$(id)" `id` ${HOME} * \\ \n%s é'
        for text in ("printf %s {parameters.x}", 'printf %s "{parameters.x}"', "printf %s '{parameters.x}'"):
            prepared: Prepared = template.prepare(text, {"parameters": {"x": value}})
            environment = {**os.environ, **prepared.environment}
            printed = subprocess.run(prepared.argv, env=environment, capture_output=True, check=True).stdout
            self.assertEqual(printed.decode(), value)

    def test_a_value_is_refused_where_it_would_be_evaluated(self) -> None:
        with self.assertRaises(template.BadTemplateError):
            template.prepare("echo $(({parameters.x} + 1))", {"parameters": {"x": "1"}})

    def test_a_run_that_ended_never_changes(self) -> None:
        self.assertFalse({status for status, _ in TRANSITIONS} & TERMINAL)

    def test_all_problems_of_a_job_are_told_at_once(self) -> None:
        with self.assertRaises(InvalidContent) as caught:
            manifest.job_from({"definiton": {}, "policy": {"priority": 1000}}, "examples", "bad")
        self.assertEqual(len(caught.exception.problems), 3)

    def test_cron_expressions_are_checked(self) -> None:
        self.assertEqual(cron.problems("*/5 9-17 * * MON-FRI"), ())
        self.assertEqual(len(cron.problems("61 25 * * *")), 2)


def main() -> int:
    """Run the tests that there are; return the exit code."""
    select = sys.argv[1] if len(sys.argv) > 1 else ""
    has_pytest = TESTS.is_dir() and importlib.util.find_spec("pytest") is not None
    code, counts = _run_pytest(select) if has_pytest else _run_checks(select)
    if results := os.environ.get("ORCHESTRA_RESULTS"):
        Path(results).write_text(json.dumps({"tests": counts}), encoding="utf-8")
    return code


def _run_pytest(select: str) -> tuple[int, dict[str, int]]:
    report = Path("report.xml").resolve()
    options = [
        "--color=yes",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        "-v",
        *(["-k", select] if select else []),
    ]
    # Everything that is written belongs into the workspace, nothing into the checkout.
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(report.with_name(".hypothesis"))}
    command = [sys.executable, "-B", "-m", "pytest", *options, "tests/unit/domain"]
    code = subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode
    suite = ElementTree.parse(report).getroot().find("testsuite")
    found = {} if suite is None else suite.attrib
    counts = {name: int(found.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    return code, counts


def _run_checks(select: str) -> tuple[int, dict[str, int]]:
    loader = unittest.TestLoader()
    if select:
        loader.testNamePatterns = [f"*{select}*"]
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(loader.loadTestsFromTestCase(Checks))
    counts = {"tests": result.testsRun, "failures": len(result.failures), "errors": len(result.errors), "skipped": 0}
    return 0 if result.wasSuccessful() else 1, counts


if __name__ == "__main__":
    sys.exit(main())
