"""Who may see which file; where a link belongs."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files.models import FileLink
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown

CentreOfVisit = Callable[[AsyncSession, int, UUID], Awaitable[UUID | None]]

# Visits stands above files and says here which centre a visit belongs to, so that its evidence
# is seen by the visit's own centre even when another centre's technician helped out.
centre_of_visit: list[CentreOfVisit] = []

PurposeOf = Callable[[str, Mapping[str, Any], str], str | None]

# What a command's attachment is for (name, arguments, sha256), where a higher module knows.
purpose_of: list[PurposeOf] = []


def visible(scope: Scope) -> ColumnElement[bool]:
    """Limit links to a scope: a technician sees those they made, an office its centres'."""
    return scope.predicate(FileLink, own=FileLink.technician_id == scope.technician_id, shared=True)


shown(FileLink, Permission.FILE_READ, visible)
