"""Web push: waking somebody's browser (RFC 8030), encrypted (RFC 8291) and signed (RFC 8292).

The push service learns nothing: the message says only that something changed, and is readable by
the browser alone. The app then syncs.
"""

import json
import re
from typing import Literal
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from py_vapid.utils import b64urlencode
from pywebpush import WebPusher

from fieldops.kernel.settings import Settings
from fieldops.notifications.models import PushSubscription

TIMEOUT_SECONDS = 10
TTL_SECONDS = 12 * 3600  # a shift: what is older is found by the next sync anyway
GONE = frozenset({404, 410})
REFUSED = range(400, 500)
AGAIN = frozenset({408, 425, 429})
HOST = re.compile(r"[a-z0-9.-]+")

Outcome = Literal["sent", "gone", "refused", "again"]
About = Literal["visits", "emergencies", "matters", "complaints", "cable_work", "warnings"]


def new_private_key() -> str:
    """Return a new key for FIELDOPS_PUSH_PRIVATE_KEY."""
    vapid = Vapid02()
    vapid.generate_keys()
    number = vapid.private_key.private_numbers().private_value
    return str(b64urlencode(number.to_bytes(32)))


def public_key(settings: Settings) -> str | None:
    """Return what browsers subscribe with (applicationServerKey), None without a key."""
    private = settings.push_private_key.get_secret_value()
    if not private:
        return None
    key: ec.EllipticCurvePublicKey = Vapid02.from_raw(private.encode()).public_key
    return str(b64urlencode(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)))


def allowed(settings: Settings, endpoint: str) -> bool:
    """Return whether an endpoint is a push service's: we call no other address for anybody.

    It is read by the parser of the client that will call it, so that both mean the same host.
    """
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        return False
    nearby = settings.environment == "test" and url.scheme == "http"
    plain = not url.userinfo and url.port is None and HOST.fullmatch(url.host)
    if not nearby and (url.scheme != "https" or not plain):
        return False
    return any(url.host == name or url.host.endswith(f".{name}") for name in settings.push_hosts)


def encrypt(p256dh: str, auth: str, endpoint: str, content: bytes) -> bytes:
    """Return a content that only the browser with these keys can read; raises ValueError."""
    keys = {"p256dh": p256dh, "auth": auth}
    try:
        pusher = WebPusher({"endpoint": endpoint, "keys": keys})
        encoded = pusher.encode(content, content_encoding="aes128gcm")
    except Exception as exc:  # whatever the libraries think of keys that are none
        raise ValueError("these are no keys of a browser") from exc
    return bytes(encoded["body"])


async def wake(
    settings: Settings, browser: PushSubscription, kind: str, about: About = "visits"
) -> Outcome:
    """Tell a browser that there is news for its person; returns what the push service said."""
    parts = urlsplit(browser.endpoint)
    private = settings.push_private_key.get_secret_value()
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "sub": settings.push_contact}
    headers = Vapid02.from_raw(private.encode()).sign(claims)
    headers |= {
        "Content-Encoding": "aes128gcm",
        "TTL": str(TTL_SECONDS),
        "Topic": about,  # a browser that was away is woken once
        "Urgency": "high",
    }
    content = json.dumps({"type": f"{about}_changed", "notice": kind}).encode()
    body = encrypt(browser.p256dh, browser.auth, browser.endpoint, content)
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = await client.post(browser.endpoint, content=body, headers=headers)
    except httpx.HTTPError:
        return "again"
    if answer.status_code in GONE:
        return "gone"
    if answer.is_success:
        return "sent"
    refused = answer.status_code in REFUSED and answer.status_code not in AGAIN
    return "refused" if refused else "again"
