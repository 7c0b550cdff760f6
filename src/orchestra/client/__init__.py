"""The Python client of Orchestra's web API.

    from orchestra.client import Client

    with Client("http://127.0.0.1:8300", token) as client:
        run = client.trigger("examples", "hello", {"name": "Ada"})
        for piece in client.follow_log(run.identifier):
            sys.stdout.buffer.write(piece)
        print(client.run(run.identifier).status)

Values are those of `orchestra.domain`; errors are those of `orchestra.domain.errors`.
"""

from orchestra.client.http import Client

__all__ = ["Client"]
