"""States, limits and the view hash (SYNC sections 2, 3 and 6; docs/sync.md)."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from fieldops.kernel.configuration import number

MOST_COMMANDS = 50
MOST_BYTES = 256 * 1024
MOST_RATIO = 100  # inflated to compressed; JSON of a phone reaches 5 to 20
RATIO_COUNTS_FROM = 16 * 1024
MOST_BASE = 100  # records a command names as its base
MOST_NAMED = 50  # commands it depends on, and attachments

POISON_TRIES = 5
TRANSIENT_TRIES = 4
RETRY_AFTER_MS = 2_000
LOCKED_RETRY_AFTER_MS = 60_000

DEFAULT_ROWS, MOST_ROWS = 500, 2_000
DEFAULT_BYTES, LEAST_BYTES, MOST_PAGE_BYTES = 256 * 1024, 1024, 1024 * 1024
LONGEST_CURSOR = 200
MOST_ERASED = 100  # erasures that one pull acknowledges
VIEW_WARNING_ROWS = 5_000
VIEW_MOST_ROWS = 10_000
FULL_DIFF_EVERY = timedelta(hours=6)
LOG_KEPT = timedelta(days=1)  # longer than any phone goes without a look at everything
SEEN_EVERY = timedelta(minutes=5)  # how exactly "last seen" is kept by pulls without news
SILENT_AFTER = timedelta(minutes=15)  # a phone with a network is heard of oftener
CASES_KEPT = timedelta(days=14)  # how long a phone holds a decided case
DIFFERED_WITHIN = timedelta(hours=24)  # what the rate of differing views looks at

DIFFERING_PHONES = number(
    "differing_phones_alarm",
    "SYNC 3",
    "per cent",
    1,
    "Share of a day's phones that held other rows than ours at which the alarm is raised.",
    within=(0.01, 100),
)


VOID = "queue.void"  # by this command a phone gives up a number whose command it has lost
CLONED = "cloned"  # the reason of a lock
CLONE_SIGNS = 3  # one may be a fault of the app; three are two phones with one key


class DeviceState(StrEnum):
    """SYNC section 6: a locked device waits, a revoked one is wiped."""

    ACTIVE = "active"
    LOCKED = "locked"
    REVOKED = "revoked"


class Unsent(StrEnum):
    """Why work on a record may still be on a phone."""

    QUEUED = "queued"  # it had commands left when its last push ended
    SILENT = "silent"  # it holds the record and was not heard of for a while
    EVIDENCE = "evidence"  # files it promised have not arrived


class CaseState(StrEnum):
    """How a case stands: open, or the way in which it left the desk."""

    OPEN = "open"
    ACCEPTED = "accepted"
    CREDITED = "credited"
    DISCARDED = "discarded"
    CORRECTED = "corrected"  # by rule: the technician did it again and it took effect
    TAKEN = "taken"  # by rule: the server learned the command meanwhile, and it took effect


class Decision(StrEnum):
    """What a person decides about a case."""

    ACCEPT = "accept"
    CREDIT = "credit"
    DISCARD = "discard"
    HAND_OVER = "hand_over"


# The default that the desk shows; a person decides all the same. Work that was done before its
# cancellation became known is accepted (SYNC section 2); what is lost cannot be.
PROPOSALS = {"cancelled_after_work": Decision.ACCEPT, "command_lost": Decision.DISCARD}

MOST_TALLIES = 50  # groups in the desk's counts
MOST_DECIDED = 50  # cases in one decision about many


class Status(StrEnum):
    """How a command ended; the first two took effect."""

    APPLIED = "applied"
    MERGED = "merged"
    HELD = "held"
    REJECTED = "rejected"


# A corrected command did not, but the technician did it again and that one did.
TOOK_EFFECT = frozenset({Status.APPLIED.value, Status.MERGED.value, CaseState.CORRECTED.value})


def row_hash(type_: str, row_id: UUID, version: int) -> int:
    """Return the first 8 bytes of sha256 of "type:id:version" as an unsigned number."""
    return int.from_bytes(hashlib.sha256(f"{type_}:{row_id}:{version}".encode()).digest()[:8])


def view_hash(rows: Iterable[tuple[str, UUID, int]]) -> str:
    """Return the hash of a view: the xor of its rows' hashes as 16 hex digits."""
    total = 0
    for row in rows:
        total ^= row_hash(*row)
    return f"{total:016x}"
