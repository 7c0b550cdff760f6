"""`python -m orchestra.cli`, for machines where the script is not on the PATH."""

from orchestra.cli.app import main

main()
