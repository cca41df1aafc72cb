"""Refusals of measurements."""

from fieldops.kernel.errors import Refusal


class TestsMissing(Refusal):
    """The visit lacks these tests: {missing}."""

    __test__ = False  # a name that test runners would otherwise take for theirs
    code = "tests_missing"
    advice = "Take the tests named, or end the visit as failed with its reason."


class TransferUntested(Refusal):
    """The cable department takes a repair with its line test only; none was taken of {missing}."""

    code = "transfer_untested"
    advice = (
        "Measure the line or the pair and transfer then; what cannot be measured an office "
        "transfers with the reason."
    )


class CheckOver(Refusal):
    """The visit of this line test has begun or ended; it is not needed any more."""

    code = "check_over"
    advice = "Nothing to do; on a visit the technician takes the tests."


class NothingMeasured(Refusal):
    """A line test needs at least one measured value."""

    code = "nothing_measured"
    status = 422
    advice = "Enter at least one of the values the instrument shows."


class NothingTested(Refusal):
    """A line test names the service or the piece of plant that was tested."""

    code = "nothing_tested"
    status = 422
    advice = "Choose the line or the pair you measured."


class NoSpeedOfThat(Refusal):
    """Only a broadband service has a speed; this one is {kind}."""

    code = "no_speed_of_that"
    status = 422
    advice = "Choose the broadband line of this visit."
