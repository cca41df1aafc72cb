"""Refusals of checklists."""

from fieldops.kernel.errors import Refusal


class AnswerInvalid(Refusal):
    """An answer does not fit its item: {items}."""

    code = "answer_invalid"
    status = 422
    advice = "Correct the answers named; the form shows what each item takes."


class ChecklistIncomplete(Refusal):
    """The checklist lacks: {items}."""

    code = "checklist_incomplete"
    advice = "Answer the items named, or end the visit as failed with its reason."


class DraftMoved(Refusal):
    """Somebody has saved, published or discarded this draft since you read it."""

    code = "draft_moved"
    advice = "Read the draft again, put your changes into it, and save it with its version."


class TaskSettled(Refusal):
    """This is no task of the desk, or it was settled or withdrawn already."""

    code = "checklist_task_settled"
    advice = "Refresh the list; what was opened as a finding or work is handled there."


class TemplateInvalid(Refusal):
    """The template cannot be published as it is: {items}."""

    code = "template_invalid"
    status = 422
    advice = "Correct the items named and publish again."


class TemplateUsedOtherwise(Refusal):
    """The template {template_code} is for {use}; its new version must be for the same."""

    code = "template_used_otherwise"
    advice = "Publish it under another code, or for the same kind of work, service and segment."


class TemplateUseTaken(Refusal):
    """There is a template for this kind of work, service and segment already."""

    code = "template_use_taken"
    advice = "Publish a new version of that template instead."
