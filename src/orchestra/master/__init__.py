"""The master: gives pending runs to workers, supervises workers, and stores what they report.

    app         the composition root: which tasks there are, and who owns them
    listener    the address that workers connect to: authentication, then one link each
    link        one connected worker: hello and welcome, heartbeats, wishes, the end
    greeting    the transaction that answers a hello
    intake      what a worker reports, stored in batches; then acknowledged
    report      one worker's report about runs as facts of the domain; the transaction that stores them
    dispatcher  pending runs × connected workers → assignments
    orders      what a worker is told to execute a run
    reaper      deadlines: lost workers, expired runs, old keys

Persist, then speak: a worker hears of nothing that is not committed. Rows are the truth, hints wake.
Time and chance come in as arguments; there are no threads here.
"""
