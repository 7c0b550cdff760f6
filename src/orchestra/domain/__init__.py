"""What is true about projects, jobs, runs and workers: pure, synchronous, standard library only.

Nothing here knows a clock, a socket, a file or randomness: time and identifiers come in as
arguments, decisions go out as values. Start with `run`, the heart: statuses, facts and the one
table of transitions.
"""
