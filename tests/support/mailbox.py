"""A mail server that really speaks SMTP (aiosmtpd), for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """What arrived; `refuse_recipient` and `refuse_content` are answers given instead of yes."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refuse_recipient: str = ""
    refuse_content: str = ""
    hang_up_after_content: bool = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Any, envelope: Any
    ) -> str:
        if self.refuse_content:
            return self.refuse_content
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        if self.hang_up_after_content:
            server.transport.abort()
        return "250 taken"


@asynccontextmanager
async def running(**moods: Any) -> AsyncIterator[Mailbox]:
    """Serve on a free loopback port."""
    mailbox = Mailbox(**moods)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, enable_SMTPUTF8=True, hostname="mail.test", loop=loop),
        "127.0.0.1",
        0,
    )
    mailbox.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mailbox
