"""E-mail by SMTP, with the steps kept apart: only the last one can end in doubt."""

import re
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import ClassVar

import aiosmtplib

from fieldops.kernel.settings import Settings
from fieldops.notifications.channels import DeliveryUnknown, Inbox, NotSent, Outgoing

TIMEOUT_SECONDS = 20
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
PERMANENT = 500  # SMTP answers from here on say that another try cannot help


class MailChannel:
    """Hands e-mails to the configured server; in doubt it does not repeat (at most once)."""

    name: ClassVar[str] = "email"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def send(self, message: Outgoing) -> tuple[str, ...]:
        """Send one e-mail whose Message-ID is the message's id."""
        client = aiosmtplib.SMTP(
            hostname=self.settings.smtp_host,
            port=self.settings.smtp_port,
            username=self.settings.smtp_username or None,
            password=self.settings.smtp_password.get_secret_value() or None,
            start_tls=self.settings.smtp_starttls,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            await self._offer(client, message.address)
            return (await self._hand_over(client, message),)
        finally:
            client.close()

    async def _offer(self, client: aiosmtplib.SMTP, address: str) -> None:
        """Greet and name sender and recipient: a failure so far sends nothing."""
        try:
            await client.connect()
            await client.mail(self.settings.smtp_from)
            await client.rcpt(address)
        except aiosmtplib.SMTPResponseException as exc:
            raise _refusal(exc) from exc
        except (aiosmtplib.SMTPException, OSError, ValueError) as exc:
            raise NotSent(f"smtp {type(exc).__name__}") from exc

    async def _hand_over(self, client: aiosmtplib.SMTP, message: Outgoing) -> str:
        content = self._content(message)
        try:
            answer = await client.data(content)
        except aiosmtplib.SMTPResponseException as exc:
            raise _refusal(exc) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise DeliveryUnknown(f"smtp {type(exc).__name__} after the content") from exc
        return answer.message.replace(message.address, "...")[:200]

    def _content(self, message: Outgoing) -> bytes:
        mail = EmailMessage(policy=SMTP_POLICY)
        mail["From"] = self.settings.smtp_from
        mail["To"] = message.address
        mail["Subject"] = message.subject
        mail["Message-ID"] = f"<{message.id}@{self.settings.smtp_from.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = message.locale.replace("_", "-")
        mail.set_content(message.text)
        return mail.as_bytes()

    async def listen(self, inbox: Inbox) -> None:
        """Hear nothing: bounces come back as mail."""

    async def close(self) -> None:
        """Each e-mail has its own connection."""


def _refusal(exc: aiosmtplib.SMTPResponseException) -> NotSent:
    """Keep a refusal's codes only (RFC 5321, RFC 3463): its words name the customer's address."""
    enhanced = ENHANCED.match(exc.message)
    codes = f"{exc.code} {enhanced[0]}" if enhanced else str(exc.code)
    return NotSent(f"smtp {codes}", final=exc.code >= PERMANENT)
