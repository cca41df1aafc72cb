"""The clock of a demonstration: real time moved by the seconds in a file, forward only."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

CITY = ZoneInfo("Europe/Helsinki")
SATURDAY = 5


class MovedClock:
    """The clock that API and worker follow (FIELDOPS_CLOCK_FILE) and the played day moves."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def now(self) -> datetime:
        """Return the present moment of the demonstration, UTC."""
        seconds = float(self.file.read_text() or 0) if self.file.exists() else 0.0
        return datetime.now(UTC) + timedelta(seconds=seconds)

    def move_to(self, at: datetime) -> None:
        """Move on to a moment; a moment in the past changes nothing."""
        now = datetime.now(UTC)
        if at <= self.now():
            return
        half = self.file.with_suffix(".part")
        half.write_text(f"{(at - now).total_seconds():.3f}\n")
        half.replace(self.file)  # a reader never sees half a number

    def next_working_day(
        self, hour: int, minute: int = 0, *, after: date | None = None
    ) -> datetime:
        """Return that local time on the next weekday, today only when it is still to come."""
        now = self.now().astimezone(CITY)
        day = now.date() if after is None else after + timedelta(days=1)
        while True:
            at = datetime.combine(day, time(hour, minute), CITY)
            if at > now and day.weekday() < SATURDAY:
                return at.astimezone(UTC)
            day += timedelta(days=1)
