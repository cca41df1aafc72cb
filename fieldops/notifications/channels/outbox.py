"""The file channel: one file a message, named by its id, for demonstrations and gateways."""

import asyncio
import json
import os
from pathlib import Path
from typing import ClassVar

from fieldops.notifications.channels import Inbox, NotSent, Outgoing


class OutboxChannel:
    """Writes messages to a folder; a repeat writes the same file again (at least once)."""

    name: ClassVar[str] = "file"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def send(self, message: Outgoing) -> tuple[str, ...]:
        """Write the message's file; raises NotSent when the folder cannot be written."""
        try:
            return (await asyncio.to_thread(self._write, message),)
        except OSError as exc:
            raise NotSent(f"outbox: {exc.strerror}") from exc

    def _write(self, message: Outgoing) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{message.id}.json"
        content = {
            "id": str(message.id),
            "to": message.address,
            "subject": message.subject,
            "text": message.text,
            "locale": message.locale,
        }
        half = path.with_suffix(".part")
        with half.open("w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)  # a reader never sees half a message
        return path.name

    def forget(self, names: list[str]) -> None:
        """Remove messages by id: the customer was erased."""
        for name in names:
            (self.folder / f"{name}.json").unlink(missing_ok=True)

    async def listen(self, inbox: Inbox) -> None:
        """Hear nothing: a file has no receipt."""

    async def close(self) -> None:
        """Nothing is held open."""
