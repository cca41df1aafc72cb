"""Refusals of health records."""

from fieldops.kernel.errors import Refusal


class HealthRecordMissing(Refusal):
    """The health record of these broadband lines has no reading of this visit: {services}."""

    code = "health_record_missing"
    advice = "Take the reading of the line, or end the visit as failed with its reason."


class NotBroadband(Refusal):
    """Only broadband services have a health record; this one is {kind}."""

    code = "not_broadband"
    status = 422
    advice = "Choose the broadband line of this visit."


class ServiceElsewhere(Refusal):
    """This service is not at the premises of the visit."""

    code = "service_elsewhere"
    status = 422
    advice = "Choose the broadband line of this visit."


class AlreadyLooking(Refusal):
    """Somebody else has just looked for lines that get worse."""

    code = "already_looking"
    advice = "Read the list of lines getting worse; it is as new as yours would be."
