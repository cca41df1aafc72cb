"""Refusals of notifications."""

from fieldops.kernel.errors import Refusal


class BrowserRefused(Refusal):
    """This browser cannot be woken: {reason}."""

    code = "browser_refused"
    status = 422
    advice = "Subscribe in the browser again, with the key of /v1/push-subscriptions/key."


class ReportNotSent(Refusal):
    """The report's link is not sent: {why}."""

    code = "report_not_sent"
    advice = "Correct the contact data or wait; the report can be shown and printed at the desk."
