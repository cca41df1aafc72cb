"""The verbs of visits, and the functions by which upper modules judge and move them."""

from fieldops.visits.commands import (
    assigning,
    ending,
    facts,
    following,
    judging,
    on_site,
    planning,
    reporting,
    telling,
)
from fieldops.visits.commands.assigning import put_technicians, set_window
from fieldops.visits.commands.judging import JudgedVisit, visit_for_decision, visit_for_fact

__all__ = [
    "JudgedVisit",
    "assigning",
    "ending",
    "facts",
    "following",
    "judging",
    "on_site",
    "planning",
    "put_technicians",
    "reporting",
    "set_window",
    "telling",
    "visit_for_decision",
    "visit_for_fact",
]
