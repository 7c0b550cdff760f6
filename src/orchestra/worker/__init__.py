"""The worker: connects out to a server, and executes runs as processes that outlive it.

    worker process (asyncio)                      executor processes (synchronous, one run at a time)
    ────────────────────────                      ────────────────────────────────────────────────────
    main      entry, signals                      zygote     forked early, forks the executors
    app       connection, verdicts, facts         executor   event loop, conversation with the worker
    runs      held runs, slots, log cursors       carry_out  one run: commands, limits, cleanup, verdict
    requests  assignment → request                tree       what is alive below an executor, and its end
    executors hand over, adopt, watch, sweep      record     writes marker, journal, log and line times
    spool     reads and deletes what they wrote   process    identity, spawn, program lookup

The two sides meet in the spool (`DATA/runs/<run>.<epoch>/`), which is the truth, and on a Unix
socket, which only carries the request, the wish to abort, and copies of what the journal holds.
So a worker that comes back needs nothing but the folder.

Everything that an executor imports is counted in memory eight times: the modules of the right-hand
column import no asyncio, no typing, no dataclasses, no subprocess.
"""
