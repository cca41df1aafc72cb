"""Refusals of the organisation module."""

from fieldops.kernel.errors import Refusal, Unauthenticated


class SignInFailed(Refusal):
    """The e-mail address or the password is wrong, or the account is closed."""

    code = "sign_in_failed"
    status = 401
    advice = "Check both and try again; an administrator can set a new password."


class SignInRevoked(Refusal):
    """This sign-in was ended: an old refresh token came back."""

    code = "sign_in_revoked"
    status = 401
    advice = "Sign in again; what the phone holds unsent stays on it."


class MapSignInNeeded(Unauthenticated):
    """Sign in, or give a map token that is neither revoked nor run out."""

    code = "map_sign_in_needed"
    advice = "Make a map token and give it as the password; any user name will do."
    challenge = 'Basic realm="maps", charset="UTF-8"'


class TooManyMapTokens(Refusal):
    """You have {most} map tokens that are still good; more are not needed."""

    code = "too_many_map_tokens"
    advice = "Revoke one that is no longer used."


class UnitMisplaced(Refusal):
    """A {kind} cannot stand below a {parent}."""

    code = "unit_misplaced"
    status = 422
    advice = "Units nest as group, province, region, centre; a firm stands below a region (ORG-01)."


class RoleMisplaced(Refusal):
    """The role {role} cannot be granted at a {kind}."""

    code = "role_misplaced"
    status = 422
    advice = "A contractor manager is granted at a firm, a technician at a centre (ORG-02)."


class EmailTaken(Refusal):
    """There is an account with this e-mail address already."""

    code = "email_taken"
    advice = "Use the present account or another address."


class CertificateTaken(Refusal):
    """Another technician of the region has this certificate number."""

    code = "certificate_taken"
    advice = "Check the number on the certificate."


class ShiftsOverlap(Refusal):
    """The shift of weekday {weekday} runs into the next one."""

    code = "shifts_overlap"
    status = 422
    advice = "Correct the times; lunch is given inside one shift (ORG-07)."


class DayLongPast(Refusal):
    """The day {day} lies too far back or ahead to be planned."""

    code = "day_long_past"
    status = 422
    advice = "Choose a day from yesterday on, within the next two years."


class HolidayUnknown(Refusal):
    """There is no holiday on {day} to take back."""

    code = "holiday_unknown"
    advice = "Refresh the list of holidays; somebody may have taken it back before you."


class QualificationKnown(Refusal):
    """The technician has a qualification of this skill from this day on already."""

    code = "qualification_known"
    advice = "Look at the technician's qualifications; choose another first day."


class SerialTaken(Refusal):
    """There is a tool with this serial number in the region already."""

    code = "serial_taken"
    advice = "Check the number on the tool; hand over the one that is registered."


class ToolRetired(Refusal):
    """This tool is out of use."""

    code = "tool_retired"
    advice = "Choose another one."


class ToolLost(Refusal):
    """This tool is reported lost."""

    code = "tool_lost"
    advice = "Report it found first, or choose another one."


class ToolNotLost(Refusal):
    """This tool is not reported lost."""

    code = "tool_not_lost"
    advice = "Nothing to do; refresh your list of tools."


class HolderElsewhere(Refusal):
    """{technician} does not work at the centre of this tool."""

    code = "holder_elsewhere"
    advice = "Choose an active technician of the tool's centre."


class NothingOffered(Refusal):
    """This tool is not offered to you."""

    code = "nothing_offered"
    advice = "Refresh your list of tools; the offer may have been taken back."
