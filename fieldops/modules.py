"""The one ordered list of modules, lowest first; importing this file registers everything."""

from importlib import import_module
from importlib.util import find_spec

MODULES = (
    # the standing world
    "organisation",
    "training",
    "files",
    "customers",
    "network",
    "travel",
    "emergencies",
    # the promise
    "orders",
    "visits",
    "appointments",
    # the evidence
    "checklists",
    "measurements",
    "health",
    "materials",
    "upkeep",
    # the care
    "faults",
    "complaints",
    "followups",
    "retention",
    "quality",
    # the steering
    "dispatch",
    "notifications",
    # the side wing
    "sync",
    "reports",
)

FURNITURE = ("models", "views", "commands", "reactions", "jobs")

for _module in MODULES:
    for _part in FURNITURE:
        _name = f"fieldops.{_module}.{_part}"
        if find_spec(f"fieldops.{_module}") and find_spec(_name):
            import_module(_name)

import_module("fieldops.kernel.ledger")
import_module("fieldops.kernel.configuration")
