"""Refusals and holds: every one has a stable code; its docstring is its message.

A module's errors.py subclasses `Refusal` (it did not take effect), `Hold` (it is kept and
waits for a person) or `Caution` (it took effect; the answer warns). `advice` says what the
technician should do; both texts go into openapi/refusals.md.
"""

from typing import Any, ClassVar

REGISTRY: dict[str, type["Coded"]] = {}


class Coded(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """The common part of refusals and holds.

    `details` are named values that the message's {placeholders} show and the problem body
    carries; `next_steps` are the legal next commands, by name.
    """

    code: ClassVar[str] = ""
    status: ClassVar[int] = 409
    advice: ClassVar[str] = ""

    def __init__(self, *, next_steps: tuple[str, ...] = (), **details: Any) -> None:
        super().__init__(self.code)
        self.details = details
        self.next_steps = next_steps

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.code:
            return
        known = REGISTRY.get(cls.code)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise TypeError(f"refusal code {cls.code} is used twice")
        REGISTRY[cls.code] = cls

    @property
    def message(self) -> str:
        """The docstring's first sentence with the details filled in."""
        text = " ".join((type(self).__doc__ or self.code).split("\n\n")[0].split())
        try:
            return text.format_map(self.details)
        except (KeyError, IndexError):
            return text

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Refusal(Coded):
    """The request did not take effect."""


class Hold(Coded):
    """The command is kept and waits for a person's decision.

    `stewarded`: a steward of the network record may decide it too, not the dispatchers alone.
    """

    stewarded: ClassVar[bool] = False


class Caution(Coded):
    """It took effect, and there is something whoever did it should know; it never blocks."""

    status = 200


class NotFound(Refusal):
    """There is no such {thing}, or you may not see it."""

    code = "not_found"
    status = 404
    advice = "Refresh your list; the record may have been given to somebody else."


class Forbidden(Refusal):
    """Your role does not allow {permission}."""

    code = "forbidden"
    status = 403
    advice = "Ask a dispatcher or your administrator; your work stays on the phone until then."


class Unauthenticated(Refusal):
    """You are not signed in, or your sign-in has run out."""

    code = "unauthenticated"
    status = 401
    challenge: ClassVar[str] = "Bearer"  # how one signs in, as RFC 9110 words it
    advice = "Sign in again; nothing on the phone is lost by that."


class InvalidArguments(Refusal):
    """What was sent does not fit what this command takes."""

    code = "invalid_arguments"
    status = 422
    advice = "Correct the named fields; if the app filled them in, report its version."


class InvalidRequest(Refusal):
    """The request is not well formed: {reason}."""

    code = "invalid_request"
    status = 400
    advice = "Update the app; if it stays, report the code and the time."


class BodyCut(Refusal):
    """The request arrived cut off: {reason}. Nothing of it was taken."""

    code = "body_cut"
    status = 400
    advice = "Nothing is lost; the app sends the same again by itself."


class TooLarge(Refusal):
    """The request is larger than {limit} allow."""

    code = "too_large"
    status = 413
    advice = "Send it in smaller parts; the app does that by itself after an update."


class BodyTooSlow(Refusal):
    """The request did not arrive within {seconds} seconds; nothing of it was taken."""

    code = "body_too_slow"
    status = 408
    advice = "Nothing is lost; the app tries again by itself, with less at a time."


class TooMany(Refusal):
    """Too many requests; wait {retry_after} seconds."""

    code = "too_many_requests"
    status = 429
    advice = "Wait for the time named and try again."


class Conflict(Refusal):
    """Somebody else changed {fields} after the version you saw."""

    code = "conflict"
    advice = "Look at both versions and decide again."


class StaleVersion(Refusal):
    """The record was changed by somebody else at the same moment; try again."""

    code = "stale_version"
    advice = "Try again; the app does so by itself."


class IdReused(Refusal):
    """This command id was used before with other content."""

    code = "id_reused"
    advice = "The app has a fault: report its version. What you captured is kept at the desk."


class Constraint(Refusal):
    """The database refused it: {rule}."""

    code = "constraint"
    advice = "Check what you entered against the record; a dispatcher can help."


class Unavailable(Refusal):
    """The service cannot answer now; try again in {retry_after} seconds."""

    code = "unavailable"
    status = 503
    advice = "Nothing is lost; the app tries again by itself."


class InternalFault(Refusal):
    """Something went wrong on our side; it was recorded with the correlation id shown."""

    code = "internal_fault"
    status = 500
    advice = "Nothing is lost; report the correlation id if it happens again."


class MethodNotAllowed(Refusal):
    """This address does not take that method."""

    code = "method_not_allowed"
    status = 405
    advice = "Update the app."


class UnsupportedMedia(Refusal):
    """The content type is not one this address takes; it takes {allowed}."""

    code = "unsupported_media_type"
    status = 415
    advice = "Update the app."


class FontMissing(Refusal):
    """No font with Chinese characters is installed on the server, so no document can be made."""

    code = "font_missing"
    status = 503
    advice = "An administrator installs one; on Debian: apt-get install fonts-droid-fallback."


class DocumentTooLarge(Refusal):
    """The document is too large to be set as PDF."""

    code = "document_too_large"
    status = 413
    advice = "Ask for less at once, or read it as a page."


class DocumentTooSlow(Refusal):
    """The document was not set within {seconds} seconds."""

    code = "document_too_slow"
    status = 503
    advice = "Try again when the server has less to do, or read it as a page."
