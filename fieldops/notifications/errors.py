"""Refusals of notifications."""

from fieldops.kernel.errors import Refusal


class BrowserRefused(Refusal):
    """This browser cannot be woken: {reason}."""

    code = "browser_refused"
    status = 422
    advice = "Subscribe in the browser again, with the key of /v1/push-subscriptions/key."
