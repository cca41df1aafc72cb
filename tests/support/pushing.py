"""A push service and a browser that really decrypts, and a voice platform, over loopback HTTP."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Request:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Peer:
    """A small HTTP server: keeps requests, answers what `answer` says."""

    answer: Callable[[Request], tuple[int, Any]]
    port: int = 0
    requests: list[Request] = field(default_factory=list)

    async def serve(self, reader: Any, writer: Any) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(first.split()[1], headers, body)
        self.requests.append(request)
        status, content = self.answer(request)
        if status:
            sent = json.dumps(content).encode()
            writer.write(
                f"HTTP/1.1 {status} Answer\r\nContent-Length: {len(sent)}\r\n"
                "Connection: close\r\n\r\n".encode()
                + sent
            )
        writer.close()


@asynccontextmanager
async def serving(answer: Callable[[Request], tuple[int, Any]]) -> AsyncIterator[Peer]:
    import asyncio  # noqa: PLC0415 - only here

    peer = Peer(answer)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    async with server:
        yield peer


@dataclass
class Browser:
    """A browser's side of a subscription: its keys, and reading what it was sent."""

    port: int
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    secret: bytes = b"0123456789abcdef"

    def subscription(self) -> dict[str, Any]:
        public = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": f"http://127.0.0.1:{self.port}/push/{b64(public)[:12]}",
            "expirationTime": None,
            "keys": {"p256dh": b64(public), "auth": b64(self.secret)},
        }

    def read(self, request: Request) -> dict[str, Any]:
        """Decrypt a message as the browser does (RFC 8291)."""
        assert request.headers["content-encoding"] == "aes128gcm"
        plain = http_ece.decrypt(
            request.body, private_key=self.key, auth_secret=self.secret, version="aes128gcm"
        )
        content: dict[str, Any] = json.loads(plain)
        return content


def vapid_claims(request: Request, public: str) -> dict[str, Any]:
    """Check the signature as a push service does (RFC 8292) and return what was signed."""
    scheme, _, values = request.headers["authorization"].partition(" ")
    assert scheme == "vapid"
    said = dict(part.strip().split("=", 1) for part in values.split(","))
    assert said["k"] == public
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(public))
    aud = f"http://{request.headers['host']}"
    claims: dict[str, Any] = jwt.decode(said["t"], key, algorithms=["ES256"], audience=aud)
    return claims
