"""Refusals of dispatch."""

from fieldops.kernel.errors import Caution, Refusal


class DayPast(Refusal):
    """{day} is over; only today and days ahead are planned."""

    code = "day_past"
    status = 422
    advice = "Choose today or a day ahead."


class DayTooFar(Refusal):
    """{day} is too far ahead; days until {latest} are planned."""

    code = "day_too_far"
    status = 422
    advice = "Choose a nearer day."


class PlanRunning(Refusal):
    """A plan for this centre and day is being looked for already."""

    code = "plan_running"
    advice = "Wait for it, or discard it and ask again."


class PlanNotReady(Refusal):
    """The plan is {state}; it cannot be published."""

    code = "plan_not_ready"
    advice = "Publish a proposal that is ready; ask for a new one if this one is out of date."


class UnknownLines(Refusal):
    """Some of the lines are not of this plan, or published already."""

    code = "unknown_plan_lines"
    status = 422
    advice = "Refresh the plan and choose from its open lines."


class LinesBelongTogether(Refusal):
    """{count} lines need others that were not chosen."""

    code = "plan_lines_belong_together"
    advice = "Choose the lines named as well, or leave out those that need them."


class LinesOutdated(Refusal):
    """{count} lines meet something that changed since the plan was made."""

    code = "plan_lines_outdated"
    advice = "Leave the lines named out and publish the rest, or ask for a new plan."


class LinesRefused(Refusal):
    """{count} lines cannot be carried out any more."""

    code = "plan_lines_refused"
    advice = "Look at what is said of each line; leave it out, or ask for a new plan."


class PromisesBroken(Refusal):
    """{count} lines would break a time that was promised to a customer."""

    code = "plan_breaks_promises"
    advice = "Leave the lines named out, or say that you take it on: each customer is then called."


class NotOnThisPlan(Refusal):
    """A new time was agreed for a line that changes no promised window."""

    code = "no_window_to_agree"
    status = 422
    advice = "Give an agreed time only for lines whose kind is moved."


class VisitLocked(Refusal):
    """The visit is locked already."""

    code = "visit_locked"
    advice = "Unlock it first if the reason has changed."


class VisitNotLocked(Refusal):
    """The visit is not locked."""

    code = "visit_not_locked"
    advice = "Refresh the visit; somebody else has unlocked it."


class VisitOver(Refusal):
    """The visit is {state}; it is not locked any more."""

    code = "visit_over"
    advice = "Lock visits that lie ahead."


class ReplanOffered(Caution):
    """{count} visits of {technician} need somebody else; a replan can propose who."""

    code = "replan_offered"
    advice = "Ask for a replan of the day, look at the proposal and publish it."


class ReplanForFreeTime(Caution):
    """{count} visits are held; a replan can propose who makes use of their time."""

    code = "replan_offered_free_time"
    advice = ReplanOffered.advice


class ReplanForHeldWork(Caution):
    """{count} repairs need a time again; a replan can propose when and by whom."""

    code = "replan_offered_held_work"
    advice = ReplanOffered.advice


class ReplanForUrgent(Caution):
    """No free time of {day} is soon enough for this urgent work; a replan can propose one."""

    code = "replan_offered_urgent"
    advice = "Ask for a replan that names the urgent visit; it shows whose time that would take."


class DisturbanceSettled(Refusal):
    """It upsets the day no longer: {outcome}."""

    code = "disturbance_settled"
    advice = "Refresh the list; a replan was published, it passed by itself, or it was let be."


class NoTime(Refusal):
    """The visit has no window to judge candidates for."""

    code = "visit_without_time"
    status = 422
    advice = "Give window_start and window_end, the end after the start."


class WarningSettled(Refusal):
    """The warning is settled: {outcome}."""

    code = "late_warning_settled"
    advice = "Refresh the list; the visit is in time again or somebody has decided already."


class NoSuchWay(Refusal):
    """This way out was not offered."""

    code = "unknown_way_out"
    status = 422
    advice = "Refresh the warning and choose by the number of a way it offers."


class WayOutdated(Refusal):
    """This way out no longer holds: {changed}."""

    code = "way_out_outdated"
    advice = "Refresh the warning; it is brought up to date within moments."


class SayWhatCustomerSaid(Refusal):
    """A new time agreed with the customer needs their say and the channel."""

    code = "customer_say_missing"
    status = 422
    advice = "Give customer_contacted_at, channel and customer_said, or none to have them called."
