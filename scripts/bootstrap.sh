#!/bin/sh
# Finds a Python that is new enough and lets it prepare .bootstrap/ (see bootstrap.py).
set -eu
here=$(dirname "$0")
for python in python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" "$here/bootstrap.py"
    fi
done
echo "bootstrap: expected Python 3.11 or newer on the PATH, found none ($PATH)" >&2
echo "bootstrap: install it with your system's package manager, for instance: apt-get install python3" >&2
exit 1
