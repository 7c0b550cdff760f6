"""`python -m orchestra` is the program `orchestra`."""

from orchestra.cli import main

main()
