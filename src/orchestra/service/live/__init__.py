"""Live updates for the website: one WebSocket a tab, topics multiplexed. `docs/live.md` describes the messages.

    event table ──► Tail ──► Board (reads changed rows once for everyone) ──► Connection, one a tab ──► its topics
    log hints ─────────────────────────────────────────────────────────────► LogTopic

Read `messages` first, then `board`, `connection`, `topics`.
"""
