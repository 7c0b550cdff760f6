"""Fixtures that several kinds of tests share; each module says how to use what it brings."""

import signal

# A shell that starts the suite in the background ignores these, and whatever the tests start would inherit that:
# a program under test would never hear Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

pytest_plugins = ["support.session", "support.postgres", "support.chromium"]
