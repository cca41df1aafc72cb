"""The application's operations with what each declares about who may use it."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from fieldops.kernel.permissions import Permission


@dataclass(frozen=True)
class Operation:
    """One method of one path; either a permission or the reason why it is public."""

    method: str
    path: str
    permission: Permission | None
    public_reason: str | None
    operation_id: str | None

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


def _calls(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)


def operations(app: FastAPI) -> list[Operation]:
    """Return every operation under /v1 and beside it, by path and method."""
    found = []
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute):
            continue
        calls = list(_calls(route.dependant))
        permission = next((c.permission for c in calls if hasattr(c, "permission")), None)
        reason = next((c.public_reason for c in calls if hasattr(c, "public_reason")), None)
        found += [
            Operation(method, route.path, permission, reason, route.operation_id)
            for method in sorted(route.methods)
        ]
    return sorted(found, key=lambda op: (op.path, op.method))
