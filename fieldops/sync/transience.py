"""Which errors pass by themselves: the same request may succeed a moment later."""

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

# Serialization failure, deadlock, lock not available, the server going down or coming up.
_TRANSIENT = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03"})


class Transient(Exception):  # noqa: N818 - a condition that passes, not an error
    """The same push may succeed a moment later; nothing of this try is kept."""


def is_transient(exc: BaseException | None) -> bool:
    """Return whether an exception, or what it came from, passes by itself."""
    while exc is not None:
        if isinstance(exc, Transient):
            return True
        if isinstance(exc, psycopg.Error):  # of a direct statement
            lost = exc.sqlstate is None and isinstance(
                exc, psycopg.OperationalError | psycopg.InterfaceError
            )
            if lost or exc.sqlstate in _TRANSIENT:
                return True
        if isinstance(exc, DBAPIError):
            state = getattr(exc.orig, "sqlstate", None)
            lost = state is None and isinstance(exc, OperationalError | InterfaceError)
            if exc.connection_invalidated or lost or state in _TRANSIENT:
                return True
        exc = exc.__cause__ or exc.__context__
    return False
