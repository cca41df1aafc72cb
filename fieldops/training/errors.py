"""Refusals of training."""

from fieldops.kernel.errors import Refusal


class NotYetHeld(Refusal):
    """{day} has not come yet."""

    code = "not_yet_held"
    status = 422
    advice = "Record it on the day itself or later, or correct the day."


class TrainingClosed(Refusal):
    """This training session was cancelled, or has been held already."""

    code = "training_closed"
    advice = "Plan another session."


class NotPassed(Refusal):
    """This exam was not passed: {score} of {maximum}, the pass mark is {pass_mark}."""

    code = "not_passed"
    advice = "A qualification needs a passed exam; let the technician sit it again."


class NoSkillExamined(Refusal):
    """This exam is about no skill that qualifies for work."""

    code = "no_skill_examined"
    status = 422
    advice = "Correct the exam's skill first, or record the qualification by its certificate."


class ExamUsed(Refusal):
    """A qualification came of this exam already."""

    code = "exam_used"
    advice = "Record a new exam; the qualification and what it rests on stay as they are."
