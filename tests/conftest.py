"""Fixtures that several kinds of tests share; each module says how to use what it brings."""

pytest_plugins = ["support.session", "support.postgres", "support.chromium"]
