"""What the network record refuses, and what waits for a resource steward."""

from fieldops.kernel.errors import Caution, Hold, Refusal


class ResourceChanged(Hold):
    """The record of {name} says {present_state}, your change expects {expected}; a steward decides.

    RE-05: the change is kept, with `wanted` and `present` side by side.
    """

    code = "resource_changed"
    stewarded = True
    advice = "Go on with your work; the resource steward compares both and tells you the result."


class ClaimLost(Caution):
    """{name} was claimed before you and is {present_state}; {second} is held for you instead."""

    code = "claim_lost"
    advice = "Use the one named; if you have connected the other already, hand that in as it is."


class NoneFree(Refusal):
    """{name} is {present_state}, and no other that fits is free."""

    code = "none_free"
    advice = "If no pair or port helps, transfer the work to the cable department."


class ResourceState(Refusal):
    """{name} is {present_state}; this change expects it to be {expected}."""

    code = "resource_state"
    advice = "Look at the present record and choose another resource."


class IllegalState(Refusal):
    """{name} is {present_state} and may become {legal}, not {wanted_state}."""

    code = "resource_transition"
    advice = "Take one of the legal next states."


class WrongKind(Refusal):
    """{name} is of the kind {kind}; this takes {expected}."""

    code = "resource_kind"
    status = 422
    advice = "Choose a resource of the right kind."


class PairElsewhere(Refusal):
    """{name} does not end where {other} ends; they cannot be swapped there."""

    code = "pair_elsewhere"
    status = 422
    advice = "Choose one of the free pairs that the box lists."


class NestingRefused(Refusal):
    """A {kind} cannot be part of {parent}; it can be part of {legal}."""

    code = "nesting_refused"
    status = 422
    advice = "Name a parent of one of the legal kinds."


class ConnectionRefused(Refusal):
    """A {from_kind} cannot be tied to a {to_kind} as `{kind}`."""

    code = "connection_refused"
    status = 422
    advice = "Check the direction (from the exchange outwards) and the kind of the tie."


class ConnectionKnown(Refusal):
    """These two are already tied in this way."""

    code = "connection_known"
    advice = "Nothing to do; the record already says so."


class ShapeRefused(Refusal):
    """A {kind} is recorded with {expected}."""

    code = "shape_refused"
    status = 422
    advice = "Send the geometry that the kind asks for, in SRID 4326."


class NameTaken(Refusal):
    """Its parent already has one of this kind with this name, or the id is in use."""

    code = "name_taken"
    advice = "Use the existing record or another name."


class ServiceKnown(Refusal):
    """A service with this account, or this id, is already registered."""

    code = "service_known"
    advice = "Use the registered service."


class ServiceState(Refusal):
    """The service is {present_state} and may become {legal}, not {wanted_state}."""

    code = "service_state"
    advice = "Look at the service again; it may have been changed meanwhile."


class VisitRequired(Refusal):
    """A technician changes the network record on a visit only; name it."""

    code = "visit_required"
    status = 422
    advice = "Open the visit you are on and make the change there."


class CentreNeeded(Refusal):
    """Nothing in the request says which centre the finding belongs to."""

    code = "centre_needed"
    status = 422
    advice = "Name the feature the finding is about, or the centre."


class AreaTooLarge(Refusal):
    """The box covers {area_km2} km2; at most {limit_km2} km2 are answered at once."""

    code = "area_too_large"
    status = 422
    advice = "Zoom in."


class TooManyFeatures(Refusal):
    """More than {limit} features lie there."""

    code = "too_many_features"
    status = 422
    advice = "Zoom in, or name the kinds you want to see."


class PlantFileUnreadable(Refusal):
    """The file cannot be read as plant: {reason}."""

    code = "plant_file_unreadable"
    status = 422
    advice = "Send a GeoJSON feature collection or a GeoPackage, both in WGS 84."


class PlantRefused(Refusal):
    """{number} of the file's pieces are refused; nothing of the file was taken."""

    code = "plant_refused"
    status = 422
    advice = "Correct the named pieces and send the file again; a dry run changes nothing."


class PieceUnreadable(Refusal):
    """This piece of the file cannot be read: {reason}."""

    code = "piece_unreadable"
    status = 422
    advice = "Correct it in the file."


class PieceTwice(Refusal):
    """Another piece of the file has this id too: {other}."""

    code = "piece_twice"
    status = 422
    advice = "Keep one of them, or take the id off the new one."


class PieceFixed(Refusal):
    """{field} of a recorded piece is not changed by a file; the record says {present}."""

    code = "piece_fixed"
    status = 422
    advice = "Change it by its own command, or add a new piece and retire this one."


class PieceStale(Refusal):
    """The record has version {present}, the file was made from version {given}."""

    code = "piece_stale"
    advice = "Export again and make the change there: somebody changed it meanwhile."


class TooManyChanges(Refusal):
    """The file adds or changes {number} pieces; at most {most} are taken at once."""

    code = "too_many_changes"
    status = 422
    advice = "Send it in parts."
