"""Fixtures that several kinds of tests share; each module says how to use what it brings."""

import signal

from hypothesis import HealthCheck, settings

# A shell that starts the suite in the background ignores these, and whatever the tests start would inherit that:
# a program under test would never hear Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

# What takes long on a busy machine is not wrong, and the suite asks the same questions each time: new ones are asked by
# the fuzzing tasks of the Makefile.
settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

pytest_plugins = ["support.session", "support.postgres", "support.chromium"]
