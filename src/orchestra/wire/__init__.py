"""The protocol between master and workers, sans-IO: messages, codec, and one session object for each end.

Nothing here opens a socket, reads a clock or touches a database: `receive(frame, now)` takes bytes
and returns events, `next_deadline()` says when to call `tick(now)`, `take_frames()` gives the bytes
to send. `now` is monotonic seconds.
"""
