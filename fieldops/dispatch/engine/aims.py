"""What a day plan is to be: levels that compare plans, weights that steer the search to them."""

from fieldops.dispatch.engine import layout
from fieldops.dispatch.engine.running import Aim

COMPLAINT, IMPORTANT, FAULT, INSTALL = range(4)
# What leaving one out weighs while searching: each class outweighs ten of the next (WO-06).
WEIGHT = (100_000.0, 10_000.0, 1_000.0, 100.0)

_LEVELS = (
    {"excess": 1.0, "lunch_late_minutes": 1.0},
    *({f"left_out_{rank}": 1.0} for rank in range(layout.CLASSES)),
    {"late_visits": 1.0},
    {"overtime_minutes": 1.0},
    {"price": 1.0},
    {"length": 1.0},
    {"scarce": 1.0},
    {"balance": 1.0},
)
_STEER = {
    "left_out": 1.0,
    "excess": 100.0,
    "late_visits": 100.0,
    "late_minutes": 1.0,
    "overtime_minutes": 5.0,
    "lunch_late_minutes": 100.0,
    "price": 1.0,
    "length": 1.0,
}
# A plan from nothing, and one from a published plan: there the search begins nearly cold, so that
# what need not change stays. Both begin with a plan that breaks nothing, and may not on the way. In
# a day plan what must not be is out of reach at any temperature: of a hundred technicians there is
# else always one a moment beyond a shift, and no plan on the way is ever one to keep.
_OUT_OF_REACH = {"excess": 1e4, "lunch_late_minutes": 1e4}
DAY = Aim(
    levels=_LEVELS,
    steer=_STEER | _OUT_OF_REACH,
    warm=8.0,
    cold=0.5,
    ruins=0.01,
    filled=True,
)
REPLAN = Aim(levels=_LEVELS, steer=_STEER, warm=3.0, cold=0.3, ruins=0.01, concern=30.0)
