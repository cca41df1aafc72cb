"""Refusals and holds of sync."""

from fieldops.kernel.errors import Caution, Hold, Refusal


class DeviceKeyWrong(Refusal):
    """The device's key is missing or is not the one it was given at registration."""

    code = "device_key_wrong"
    status = 403
    advice = "Register the phone again; what is queued on it is kept and can be handed in."


class ViewTooLarge(Refusal):
    """This device would hold {rows} records; {most} is the most."""

    code = "view_too_large"
    advice = "Ask a dispatcher to spread your visits; your captured work can still be sent."


class MalformedCommand(Refusal):
    """This command is not well formed; it was kept as it came."""

    code = "malformed_command"
    status = 422
    advice = "The app has a fault: report its version. What you captured is kept at the desk."


class SeqReused(Refusal):
    """Another command was already taken under this place in the device's order."""

    code = "seq_reused"
    advice = "The app has a fault: report its version. What you captured is kept at the desk."


class MutationGap(Refusal):
    """Mutation {sent} of this client came before mutation {expected}; nothing was taken."""

    code = "mutation_gap"
    status = 500  # as Replicache's contract has it: the client sends again from where it stands
    advice = "The app has a fault: report its version. Nothing is lost; it is still on the phone."


class NotForDevices(Refusal):
    """The command {name} is not taken from a device."""

    code = "not_for_devices"
    status = 403
    advice = "Ask a dispatcher to do it; it can only be done by the offices."


class Poison(Refusal):
    """This command failed {tries} times by a fault on our side; the queue goes on without it."""

    code = "poison"
    status = 500
    advice = "Nothing is lost: what you captured is kept at the desk, and the fault is recorded."


class DeviceRevoked(Hold):
    """This device was revoked; what it hands in is kept and judged by a dispatcher."""

    code = "device_revoked"
    advice = "Hand in what is queued, then let the app wipe itself; ask for a new registration."


class Busy(Refusal):
    """Too many phones are served at this moment; try again in {retry_after} seconds."""

    code = "busy"
    status = 503
    advice = "Nothing is lost; the app tries again by itself after the time named."


class TimelineChanged(Refusal):
    """The server's data were restored; sync waits until the restore is finished."""

    code = "timeline_changed"
    status = 503
    advice = "Nothing is lost: keep working; the app tries again and then sends all it has kept."


class BlockedBy(Hold):
    """An earlier command that this one builds on did not take effect and waits for a decision."""

    code = "blocked_by"
    advice = "Nothing to do; a dispatcher decides about both together."


class CaseClosed(Refusal):
    """This case was already closed: {state}."""

    code = "case_closed"
    advice = "Refresh the list; somebody else has decided."


class NotInCase(Refusal):
    """The case does not hold that command."""

    code = "not_in_case"
    status = 422
    advice = "Choose among the commands that the case lists."


class NotAStewards(Refusal):
    """This case is about `{case_code}`; a dispatcher decides it, not a steward of the record."""

    code = "not_a_stewards"
    advice = "Leave it to the late-work desk."


class NotAmendable(Refusal):
    """{name} can be accepted with another {amendable} than captured, while it is held."""

    code = "not_amendable"
    status = 422
    advice = "Amend a held command's own ids, numbers and switches; or discard it, with the reason."


class DeviceNotActive(Refusal):
    """The device is {state}; that cannot be done with it."""

    code = "device_not_active"
    advice = "Look at the device's state; a revoked device has to be registered anew."


class DeviceTaken(Refusal):
    """This device id belongs to another registration."""

    code = "device_taken"
    advice = "Install the app anew: a new install makes a new id."


class WorkMayBeUnsent(Caution):
    """{phones} holds this and may have work on it that was not handed in yet."""

    code = "work_may_be_unsent"
    advice = "Call the technician; what comes in later is kept and waits at the late-work desk."


class CommandLost(Hold):
    """The phone has lost {lost} before it was handed in ({reason})."""

    code = "command_lost"
    advice = "Tell the dispatcher what you had done; the rest of your queue goes on."


class CaseChanged(Refusal):
    """The {what} was changed after you looked at it."""

    code = "case_changed"
    advice = "Look at it again and decide anew."


class CannotDecide(Refusal):
    """That person may not decide cases of this centre."""

    code = "cannot_decide"
    status = 422
    advice = "Hand it over to a dispatcher of the centre."


class DeviceCloned(Hold):
    """Two phones work under this registration ({signs} signs of it); it is locked."""

    code = "device_cloned"
    advice = "Let the app register anew on each phone and hand in its queue; nothing is lost."


class QueueLost(Hold):
    """The app was set up anew while {queued} commands still waited on {name} ({oldest} first)."""

    code = "queue_lost"
    advice = "Tell the dispatcher what you had done since {last_seen}; it never arrived."


class DeviceMustWipe(Refusal):
    """This phone was revoked: everything that was pulled has to leave it."""

    code = "device_must_wipe"
    status = 401
    advice = "The app wipes what it holds and keeps its queue; sign in again to hand that in."
