"""The only now() of FieldOps, and what a device's clock is worth (SYNC section 5)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

CLOCK_DIFFERENCE_LIMIT = timedelta(minutes=10)


class Confidence(StrEnum):
    """How far an estimated time can be trusted."""

    HIGH = "high"  # same boot: the monotonic clock carries it
    MEDIUM = "medium"  # another boot: the wall clock, corrected by the offset seen at push
    LOW = "low"  # clamped: what the device said cannot be


class _Source:
    """Where now() comes from: the system, a fixed moment, or the system moved by a file."""

    fixed: datetime | None = None
    file: Path | None = None
    _stamp: tuple[int, int] | None = None
    _offset = timedelta()

    def offset(self) -> timedelta:
        if self.file is None:
            return timedelta()
        try:
            stat = os.stat(self.file)  # noqa: PTH116 - the cheapest call, made at every now()
        except FileNotFoundError:
            return timedelta()
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp:
            self._offset = timedelta(seconds=float(self.file.read_text() or 0))
            self._stamp = stamp
        return self._offset


_source = _Source()


def now() -> datetime:
    """Return the present moment, UTC, aware."""
    if _source.fixed is not None:
        return _source.fixed
    return datetime.now(UTC) + _source.offset()


def follow_file(path: Path | None) -> None:
    """Move this process's clock by the seconds in a file (demo and test only)."""
    _source.file = path


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold the clock at one moment; nested use restores the outer one."""
    before = _source.fixed
    _source.fixed = at.astimezone(UTC)
    try:
        yield
    finally:
        _source.fixed = before


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day of a moment in a region's zone."""
    return at.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of a local calendar day, as UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """A device's clock at the moment it sent its queue: wall time, monotonic ms, boot id."""

    wall: datetime
    mono_ms: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """When something happened as far as the server can tell; `off` is the wall clock's error."""

    at: datetime
    confidence: Confidence
    off: timedelta

    @property
    def clock_far_off(self) -> bool:
        """Whether the device's wall clock differs by more than the limit (10 minutes)."""
        return abs(self.off) > CLOCK_DIFFERENCE_LIMIT


def estimate(
    captured: DeviceClock, sent: DeviceClock, received: datetime, last_seen: datetime | None
) -> Estimate:
    """Estimate a capture's true time from the device's clocks.

    Within one boot the monotonic distance between capture and sending is trusted; across a
    boot the wall clocks' distance is. The result lies between the last server time the device
    saw and the moment of receipt (SYNC section 5).
    """
    off = sent.wall - received
    same_boot = captured.boot_id == sent.boot_id and captured.mono_ms <= sent.mono_ms
    if same_boot:
        guess = received - timedelta(milliseconds=sent.mono_ms - captured.mono_ms)
    else:
        guess = captured.wall - off
    at = min(guess, received)
    if last_seen is not None and not same_boot:
        at = min(max(at, last_seen), received)
    if at != guess:
        return Estimate(at, Confidence.LOW, off)
    return Estimate(at, Confidence.HIGH if same_boot else Confidence.MEDIUM, off)
