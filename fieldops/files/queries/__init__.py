"""Reads and locks of files, uploads and links; what is counted of them stands in receipts.py."""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Select,
    case,
    cast,
    delete,
    func,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import policy, rules
from fieldops.files.models import File, FileLink, Upload
from fieldops.kernel import clock
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import gathered
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one


async def arrived(session: AsyncSession, region_id: int, sha256s: Collection[str]) -> set[str]:
    """Return those of the contents (sha256, lower case hex) whose bytes are here."""
    found = await session.scalars(
        select(File.sha256).where(
            File.region_id == region_id,
            File.sha256.in_(sha256s),
            File.stored_at.is_not(None),
        )
    )
    return set(found)


async def lock_file(session: AsyncSession, region_id: int, sha256: str) -> File:
    """Return the row of a content, made when it is new, locked.

    A promise and an arrival both lock it, so that neither can miss the other.
    """
    known = gathered(session).facts
    if (lock_file, sha256) not in known:
        with session.no_autoflush:  # a content is changed under its lock only, which comes here
            known[lock_file, sha256] = (await lock_files(session, region_id, [sha256]))[0]
    found: File = known[lock_file, sha256]
    return found


async def lock_files(session: AsyncSession, region_id: int, sha256s: Sequence[str]) -> list[File]:
    """Return the rows of contents as lock_file does, in one statement and in their own order."""
    now = clock.now()
    rows = [
        {
            "region_id": region_id,
            "id": new_id(),
            "sha256": sha256,
            "version": 1,
            "created_at": now,
            "updated_at": now,
        }
        for sha256 in sorted(set(sha256s))
    ]
    # One that is there is changed to what it is: that locks it and waits for whoever makes it.
    found = await session.scalars(
        insert(File)
        .values(rows)
        .on_conflict_do_update(
            index_elements=["region_id", "sha256"], set_={"version": File.version}
        )
        .returning(File)
        .execution_options(populate_existing=True)
    )
    return sorted(found, key=attrgetter("sha256"))


async def linked_to(
    session: AsyncSession, region_id: int, sha256s: Collection[str]
) -> set[tuple[str, UUID | None]]:
    """Return which of the contents are linked to which visits already."""
    found = await session.execute(
        select(FileLink.sha256, FileLink.visit_id).where(
            FileLink.region_id == region_id, FileLink.sha256.in_(sha256s)
        )
    )
    return {(row[0], row[1]) for row in found}


async def lock_links_of_commands(
    session: AsyncSession, region_id: int, command_ids: Collection[UUID]
) -> list[FileLink]:
    """Return what commands at the desk have promised, locked in id order."""
    found = await session.scalars(
        select(FileLink)
        .where(
            FileLink.region_id == region_id,
            FileLink.subject_type == "command",
            FileLink.subject_id.in_(command_ids),
        )
        .order_by(FileLink.id)
        .with_for_update()
    )
    return list(found)


async def stored_file(session: AsyncSession, scope: Scope, sha256: str) -> File:
    """Return a content that a visible link names; raises NotFound."""
    linked = select(FileLink.id).where(
        policy.visible(scope), FileLink.region_id == scope.region_id, FileLink.sha256 == sha256
    )
    found: File | None = await session.scalar(
        select(File).where(
            File.region_id == scope.region_id, File.sha256 == sha256, linked.exists()
        )
    )
    if found is None:
        raise NotFound(thing="file")
    return found


async def link(session: AsyncSession, scope: Scope, link_id: UUID) -> FileLink:
    """Return a link inside the scope; raises NotFound."""
    return await find_one(
        session, select(FileLink).where(policy.visible(scope), FileLink.id == link_id), "file_link"
    )


def links(
    scope: Scope, *, visit_id: UUID | None = None, subject_id: UUID | None = None
) -> Select[FileLink]:
    """Return the statement for the links in a scope by id, of one visit or subject if asked."""
    statement = select(FileLink).where(policy.visible(scope)).order_by(FileLink.id)
    if visit_id is not None:
        statement = statement.where(FileLink.visit_id == visit_id)
    if subject_id is not None:
        statement = statement.where(FileLink.subject_id == subject_id)
    return statement


async def lock_open_links(session: AsyncSession, region_id: int, sha256: str) -> list[FileLink]:
    """Return the links that still wait for a content, locked in id order."""
    found = await session.scalars(
        select(FileLink)
        .where(
            FileLink.region_id == region_id, FileLink.sha256 == sha256, FileLink.arrived.is_(False)
        )
        .order_by(FileLink.id)
        .with_for_update()
    )
    return list(found)


async def lock_link(session: AsyncSession, scope: Scope, link_id: UUID) -> FileLink:
    """Return a link inside the scope, locked; raises NotFound."""
    return await lock_one(
        session, select(FileLink).where(policy.visible(scope), FileLink.id == link_id), "file_link"
    )


async def upload(session: AsyncSession, region_id: int, upload_id: UUID) -> Upload | None:
    """Return an upload as it stands now, None when there is none (its token is the scope)."""
    found: Upload | None = await session.scalar(
        select(Upload).where(Upload.region_id == region_id, Upload.id == upload_id)
    )
    return found


async def lock_upload(session: AsyncSession, region_id: int, upload_id: UUID) -> Upload | None:
    """Return an upload locked for a change of its offset or its end."""
    found: Upload | None = await session.scalar(
        select(Upload)
        .where(Upload.region_id == region_id, Upload.id == upload_id)
        .with_for_update()
    )
    return found


async def standing_of(
    session: AsyncSession, region_id: int, owner_id: UUID, since: datetime
) -> tuple[int, int]:
    """Return a person's unfinished uploads, and the bytes of those begun since a time.

    One that was dropped counts with the bytes it had.
    """
    open_ = Upload.completed_at.is_(None) & Upload.dropped_at.is_(None)
    counted = case((Upload.dropped_at.is_(None), Upload.length), else_=Upload.position)
    row = (
        await session.execute(
            select(
                func.count().filter(open_),
                cast(
                    func.coalesce(func.sum(counted).filter(Upload.created_at > since), 0),
                    BigInteger,
                ),
            ).where(Upload.region_id == region_id, Upload.owner_id == owner_id)
        )
    ).one()
    return int(row[0]), int(row[1])


def own_uploads(scope: Scope, owner_id: UUID) -> Select[Upload]:
    """Return the statement for a person's own uploads, by id."""
    return (
        select(Upload)
        .where(
            Upload.region_id == scope.region_id,
            Upload.owner_id == owner_id,
            Upload.dropped_at.is_(None),
        )
        .order_by(Upload.id)
    )


async def uploads_to_sweep(
    session: AsyncSession, region_id: int, now: datetime, limit: int
) -> list[Upload]:
    """Return expired uploads, and whole ones whose finishing was cut off, oldest first.

    A dropped one expires a day after it was begun: as long as the quota counts it.
    """
    found = await session.scalars(
        select(Upload)
        .where(
            Upload.region_id == region_id,
            (Upload.expires_at <= now)
            | (
                Upload.completed_at.is_(None)
                & Upload.dropped_at.is_(None)
                & (Upload.position == Upload.length)
            ),
        )
        .order_by(Upload.expires_at, Upload.id)
        .limit(limit)
    )
    return list(found)


async def known_uploads(
    session: AsyncSession, region_id: int, upload_ids: Collection[UUID]
) -> set[UUID]:
    """Return those of the ids that are uploads whose bytes are wanted."""
    found = await session.scalars(
        select(Upload.id).where(
            Upload.region_id == region_id,
            Upload.id.in_(upload_ids),
            Upload.dropped_at.is_(None),
        )
    )
    return set(found)


async def unlinked(
    session: AsyncSession, region_id: int, before: datetime, limit: int
) -> list[str]:
    """Return stored contents that arrived before a time and that no command has promised."""
    linked = select(FileLink.id).where(
        FileLink.region_id == region_id, FileLink.sha256 == File.sha256
    )
    found = await session.scalars(
        select(File.sha256)
        .where(File.region_id == region_id, File.stored_at < before, ~linked.exists())
        .order_by(File.stored_at)
        .limit(limit)
    )
    return list(found)


async def is_linked(session: AsyncSession, region_id: int, sha256: str) -> bool:
    """Return whether any command has promised a content."""
    statement = select(FileLink.id).where(
        FileLink.region_id == region_id, FileLink.sha256 == sha256
    )
    return await session.scalar(statement.limit(1)) is not None


async def stored_with(session: AsyncSession, region_id: int, prefix: str) -> set[str]:
    """Return the contents that are here as far as the rows say, by the hash's first digits."""
    found = await session.scalars(
        select(File.sha256).where(
            File.region_id == region_id,
            File.sha256.between(prefix, prefix + "g"),  # g: behind every hex digit
            File.stored_at.is_not(None),
        )
    )
    return set(found)


async def lock_arrived_links(session: AsyncSession, region_id: int, sha256: str) -> list[FileLink]:
    """Return the links that say a content has arrived, locked in id order."""
    found = await session.scalars(
        select(FileLink)
        .where(
            FileLink.region_id == region_id, FileLink.sha256 == sha256, FileLink.arrived.is_(True)
        )
        .order_by(FileLink.id)
        .with_for_update()
    )
    return list(found)


async def links_of_commands(
    session: AsyncSession, region_id: int, command_ids: Collection[UUID]
) -> set[UUID]:
    """Return the links that commands at the desk have promised."""
    found = await session.scalars(
        select(FileLink.id).where(
            FileLink.region_id == region_id,
            FileLink.subject_type == "command",
            FileLink.subject_id.in_(command_ids),
        )
    )
    return set(found)


async def forget_handwriting(
    session: AsyncSession, region_id: int, link_ids: Collection[UUID]
) -> list[FileLink]:
    """Delete those of the links that are signatures or written notices, and return them.

    What the phones said of the uploads of all of them, their names above all, is emptied.
    """
    links = await session.scalars(
        select(FileLink).where(FileLink.region_id == region_id, FileLink.id.in_(link_ids))
    )
    found = list(links)
    await session.execute(
        update(Upload)
        .where(Upload.region_id == region_id, Upload.sha256.in_({row.sha256 for row in found}))
        .values(filename=null(), sent_metadata=null())
        .execution_options(synchronize_session=False)
    )
    gone = [row for row in found if row.purpose in rules.HANDWRITING]
    await session.execute(
        delete(FileLink)
        .where(FileLink.region_id == region_id, FileLink.id.in_({row.id for row in gone}))
        .execution_options(synchronize_session=False)
    )
    for row in found:
        session.expunge(row)
    return gone


async def forget_contents(
    session: AsyncSession, region_id: int, sha256s: Collection[str]
) -> set[str]:
    """Delete the rows of those contents that no link names any more, and return them."""
    linked = select(FileLink.sha256).where(
        FileLink.region_id == region_id, FileLink.sha256.in_(sha256s)
    )
    gone = await session.scalars(
        delete(File)
        .where(File.region_id == region_id, File.sha256.in_(sha256s), File.sha256.not_in(linked))
        .returning(File.sha256)
        .execution_options(synchronize_session=False)
    )
    return set(gone)
