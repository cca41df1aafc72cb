"""Automatic calls by a voice platform: one POST a call, its result comes back to our API."""

from typing import ClassVar

import httpx

from fieldops.kernel.settings import Settings
from fieldops.notifications.channels import DeliveryUnknown, Inbox, NotSent, Outgoing

TIMEOUT_SECONDS = 10
REFUSED = frozenset({400, 404, 410, 422})
BUSY = frozenset({401, 403, 408, 409, 425, 429, 503})


class VoiceChannel:
    """Asks a platform to call and speak; in doubt it does not repeat (at most once).

    The platform is sent {id, to, text, locale, asks} and answers 2xx with {"call": its name for
    the call}; `asks` says that a key is awaited. It reports by POST
    /v1/messages/{id}/voice-results.
    """

    name: ClassVar[str] = "voice"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def send(self, message: Outgoing) -> tuple[str, ...]:
        """Ask for one call; returns the platform's name for it."""
        key = self.settings.voice_key.get_secret_value()
        headers = {"Idempotency-Key": str(message.id)}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                answer = await client.post(
                    self.settings.voice_url,
                    headers=headers,
                    json={
                        "id": str(message.id),
                        "to": message.address,
                        "text": message.text,
                        "locale": message.locale,
                        "asks": message.asks,
                    },
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as exc:
            raise NotSent(f"voice {type(exc).__name__}") from exc
        except httpx.HTTPError as exc:
            raise DeliveryUnknown(f"voice {type(exc).__name__} after the request") from exc
        return (_call_of(answer),)

    async def listen(self, inbox: Inbox) -> None:
        """Hear nothing: the platform reports to our API."""

    async def close(self) -> None:
        """Each call has its own connection."""


def _call_of(answer: httpx.Response) -> str:
    """Return the platform's name for a call it took; raises what became of it else."""
    status = answer.status_code
    if status in REFUSED:
        raise NotSent(f"voice {status}", final=True)
    if status in BUSY:
        raise NotSent(f"voice {status}")
    if not answer.is_success:
        raise DeliveryUnknown(f"voice {status}")
    try:
        body = answer.json()
        call = body["call"] if isinstance(body, dict) else None
    except (ValueError, KeyError):
        call = None
    if not isinstance(call, str) or not 0 < len(call) <= 200:  # noqa: PLR2004 - as it is stored
        raise DeliveryUnknown("voice: the answer names no call")
    return call
