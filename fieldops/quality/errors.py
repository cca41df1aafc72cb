"""Refusals of quality: flags, inspections, feedback, cases, lessons."""

from fieldops.kernel.errors import Caution, Refusal


class FlagDecided(Refusal):
    """A supervisor has decided about this already: {state}."""

    code = "flag_decided"
    advice = "Refresh the flag; talk to the supervisor when the decision is wrong."


class AnswerAwaited(Refusal):
    """The technician has not answered and may do so until {until}."""

    code = "answer_awaited"
    advice = "Decide after the answer or that time; a false alarm can be said at once."


class InspectionEnded(Refusal):
    """The inspection is {state}; the step is not possible any more."""

    code = "inspection_ended"
    advice = "Refresh the list of inspections; plan another one."


class InspectionNotOfCentre(Refusal):
    """An inspection by a centre names the centre, one by a province the whole region."""

    code = "inspection_not_of_centre"
    status = 422
    advice = "Give a centre for the levels region and centre, and none for the province."


class AlreadyDrawn(Refusal):
    """The visits of this inspection are drawn; a draw is not repeated with another result."""

    code = "already_drawn"
    advice = "Look at the sample; plan another inspection for another draw."


class NothingToDraw(Refusal):
    """No visit ended in that time."""

    code = "nothing_to_draw"
    status = 422
    advice = "Choose another time."


class PopulationTooLarge(Refusal):
    """More than {most} visits ended in that time."""

    code = "population_too_large"
    status = 422
    advice = "Choose a shorter time, or one centre."


class PlannedInThePast(Refusal):
    """An inspection is planned for today or later."""

    code = "planned_in_the_past"
    status = 422
    advice = "Choose another day."


class TimeOutOfOrder(Refusal):
    """The time of a draw begins before it ends, and ends at the latest now."""

    code = "time_out_of_order"
    status = 422
    advice = "Choose another time."


class LevelTooHigh(Refusal):
    """Only who oversees the whole region plans inspections of the level {level}."""

    code = "inspection_level_too_high"
    status = 403
    advice = "Plan the centre's own inspection, or ask the region."


class InspectorNotFit(Refusal):
    """{name} cannot do this inspection: {reason}."""

    code = "inspector_not_fit"
    status = 422
    advice = "Choose another person; of another unit for a mutual inspection, of it for its own."


class NotYourInspection(Refusal):
    """This inspection is {name}'s."""

    code = "not_your_inspection"
    advice = "Ask that person, or plan another inspection."


class TechnicianNotNamed(Refusal):
    """Whoever rides along names the technician; other inspections of a region name none."""

    code = "technician_not_named"
    status = 422
    advice = "Name a technician of the inspected centre."


class NotInSample(Refusal):
    """This visit is not in the sample of the inspection."""

    code = "not_in_sample"
    status = 422
    advice = "Draw the sample first, or add the visit to it."


class FormInvalid(Refusal):
    """The form cannot be published as it is: {items}."""

    code = "form_invalid"
    status = 422
    advice = "Correct the items named and publish again."


class FormUsedOtherwise(Refusal):
    """The form {code} is one for inspections of the kind {kind}."""

    code = "form_used_otherwise"
    status = 422
    advice = "Choose another code, or the kind it has."


class FormNotWhole(Refusal):
    """The form is not filled as it asks: {items}."""

    code = "form_not_whole"
    status = 422
    advice = "Answer the items named; what does not apply is left out where the form allows it."


class NothingFilled(Refusal):
    """An inspection needs a filled form at least; {open} of its visits have none."""

    code = "inspection_not_filled"
    advice = "Fill a form for each visit of the sample, or say why some are left out."


class SheetNotOpen(Refusal):
    """The feedback sheet is {state}; the step is not possible now."""

    code = "sheet_not_open"
    advice = "Refresh the inspection."


class OwnInspection(Refusal):
    """The inspector does not answer the own feedback sheet."""

    code = "own_inspection"
    advice = "Let the inspected unit answer."


class OneResponsible(Refusal):
    """A finding has one person, firm or centre responsible."""

    code = "one_responsible"
    status = 422
    advice = "Name one of them; a person was on the visit the finding is about."


class CaseNotOpen(Refusal):
    """The case is {state}; the step is not possible any more."""

    code = "case_not_open"
    advice = "Refresh the case."


class StatementAwaited(Refusal):
    """The person concerned has not been heard and may speak until {until}."""

    code = "statement_awaited"
    advice = "Decide after the statement or that time."


class OwnCase(Refusal):
    """Nobody decides about a case of their own."""

    code = "own_case"
    advice = "Another supervisor decides."


class LessonStateWrong(Refusal):
    """The lesson is {state}; the step is not possible."""

    code = "lesson_state_wrong"
    advice = "Refresh the lesson; a published one is retired and written anew."


class LessonNamesPeople(Refusal):
    """A lesson holds nothing about customers, and this looks like it: {found}."""

    code = "lesson_names_people"
    status = 422
    advice = "Take names, numbers and addresses out; tell what happened without saying to whom."


class MayNamePeople(Caution):
    """This looks like something about a customer: {found}. Such a lesson is not published."""

    code = "may_name_people"
    advice = "Take names, numbers and addresses out before it is published."
