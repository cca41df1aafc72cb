"""The appointment as a calendar file (RFC 5545, RFC 5546): the same event again when it moves."""

from icalendar import Calendar, Event, vCalAddress, vText

from api.page.rendering import texts
from fieldops.appointments.queries import Linked
from fieldops.appointments.situations import Situation
from fieldops.kernel.settings import Settings

PRODUCT = "-//FieldOps//appointments//EN"


def written(found: Linked, present: Situation, settings: Settings, language: str) -> bytes:
    """Return the file for a visit's present window, in the region's zone.

    UID is the visit's for good and SEQUENCE grows with it, so that a calendar replaces what it
    has. A cancelled appointment is a METHOD:CANCEL. Calendars are shared and kept: the file
    holds neither the link nor who comes nor where.
    """
    said = texts(language)["file"]
    cancelled = present is Situation.CANCELLED
    event = Event()
    event.add("uid", f"{found.visit.id}@fieldops")
    event.add("sequence", found.visit.version)
    event.add("dtstamp", max(found.visit.updated_at, found.appointment.updated_at))
    event.add("dtstart", found.appointment.window_start.astimezone(found.zone))
    event.add("dtend", found.appointment.window_end.astimezone(found.zone))
    event.add("summary", f"{settings.public_name}: {said['summary']}")
    event.add("description", said["description"])
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    organizer = vCalAddress(f"mailto:{settings.smtp_from}")
    organizer.params["cn"] = vText(settings.public_name)
    event["organizer"] = organizer
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method(present))
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def method(present: Situation) -> str:
    """Return what a calendar is to do with the file."""
    return "CANCEL" if present is Situation.CANCELLED else "PUBLISH"
