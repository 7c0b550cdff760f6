"""Which protocol versions may talk to each other: the one we speak and the one before it (INV-28)."""

from orchestra.wire.messages import PROTOCOL, PROTOCOL_OLDEST, Reject


def negotiate(protocol: int, worker_version: str, server_version: str) -> Reject | None:
    """Return None when a worker that speaks `protocol` is understood, else the answer that says who must upgrade."""
    if PROTOCOL_OLDEST <= protocol <= PROTOCOL:
        return None
    speaks = f"protocol {PROTOCOL}" if PROTOCOL_OLDEST == PROTOCOL else f"protocols {PROTOCOL_OLDEST} to {PROTOCOL}"
    who = f"worker {worker_version} speaks protocol {protocol}, server {server_version} speaks {speaks}"
    if protocol < PROTOCOL_OLDEST:
        return Reject(code="protocol_too_old", reason=f"{who}: upgrade the worker")
    return Reject(code="protocol_too_new", reason=f"{who}: upgrade the server first", retry_s=60.0)
