"""A real S3 server on loopback, and settings for a bucket of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from moto.server import ThreadedMotoServer

from fieldops.files import s3
from fieldops.kernel.settings import Settings


@contextmanager
def s3_server() -> Iterator[str]:
    """Serve S3 from a thread; give its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        if server._server is not None:
            server._server.server_close()  # stop() leaves the socket open


def settings_in_a_bucket(settings: Settings, url: str) -> Settings:
    """Return settings whose files lie in a new bucket of a server."""
    changes: dict[str, Any] = {
        "files_store": "s3",
        "s3_endpoint": url,
        "s3_bucket": f"files-{uuid4().hex[:12]}",
        "s3_prefix": "field/",
        "s3_access_key": "key",
        "s3_secret_key": settings.secret,
    }
    made = settings.model_copy(update=changes)
    s3.Bucket.of(made, 1).client.create_bucket(Bucket=made.s3_bucket)
    return made
