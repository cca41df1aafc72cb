"""The same actions as rules of a Hypothesis state machine, so that a failure shrinks by itself."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fieldops.kernel import points
from tests.simulation import trade
from tests.simulation.ground import Ground, prepared, seeded
from tests.simulation.network import FAULTS, UPLOAD_FAULTS
from tests.simulation.simulation import Simulation
from tests.simulation.steps import DECISIONS, DESK_VERBS, ODD_CAPTURES, VERBS, Step

WHO = st.integers(0, 5)
WHICH = st.integers(0, 30)
POINTS = st.sampled_from(sorted(points.POINTS))
MEANWHILE = st.builds(
    lambda kind, what, who, which: Step(kind, who, what if kind == "office" else "", which),
    st.sampled_from(["office", "push", "pull", "role"]),
    st.sampled_from(DESK_VERBS),
    WHO,
    WHICH,
)


class Machine(RuleBasedStateMachine):
    """Phones, a desk and a database; each rule is a step, each step is checked."""

    ground: ClassVar[Ground]
    loop: ClassVar[asyncio.AbstractEventLoop]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.simulation = Simulation(self.ground)

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    def do(self, kind: str, **said: Any) -> None:
        self.run(self.simulation.do(Step(kind, **said)))

    @initialize()
    def begin(self) -> None:
        self.stack.enter_context(trade.registered())
        self.stack.enter_context(seeded(0))
        self.run(self.simulation.__aenter__())

    @rule(who=WHO, what=st.sampled_from(VERBS + ODD_CAPTURES), which=WHICH)
    def capture(self, who: int, what: str, which: int) -> None:
        self.do("capture", who=who, what=what, which=which)

    @rule(who=WHO, which=WHICH, fault=st.sampled_from(("", "", *FAULTS)))
    def push(self, who: int, which: int, fault: str) -> None:
        self.do("push", who=who, which=which, fault=fault)

    @rule(who=WHO, fault=st.sampled_from(("", "", *FAULTS)))
    def pull(self, who: int, fault: str) -> None:
        self.do("pull", who=who, fault=fault)

    @rule(who=WHO, which=WHICH, fault=st.sampled_from(("", "", *UPLOAD_FAULTS)))
    def upload(self, who: int, which: int, fault: str) -> None:
        self.do("upload", who=who, which=which, fault=fault)

    @rule(kind=st.sampled_from(["push", "pull"]), who=WHO, point=POINTS, then=MEANWHILE)
    def meanwhile(self, kind: str, who: int, point: str, then: Step) -> None:
        said = {"kind": then.kind, "who": then.who, "what": then.what, "which": then.which}
        self.do(kind, who=who, point=point, then=said)

    @rule(
        kind=st.sampled_from(["push", "pull"]),
        who=WHO,
        point=POINTS,
        end=st.sampled_from(["crash", "restart"]),
    )
    def break_down(self, kind: str, who: int, point: str, end: str) -> None:
        self.do(kind, who=who, point=point, then={"kind": end})

    @rule(who=WHO, what=st.sampled_from(DESK_VERBS), which=WHICH)
    def office(self, who: int, what: str, which: int) -> None:
        self.do("office", who=who, what=what, which=which)

    @rule(what=st.sampled_from(DECISIONS), which=WHICH)
    def desk(self, what: str, which: int) -> None:
        self.do("desk", what=what, which=which)

    @rule(which=WHICH)
    def deliver(self, which: int) -> None:
        self.do("deliver", which=which)

    @rule(who=WHO)
    def role(self, who: int) -> None:
        self.do("role", who=who)

    @rule(what=st.sampled_from(["lock", "unlock", "revoke"]), who=WHO)
    def device(self, what: str, who: int) -> None:
        self.do("device", what=what, who=who)

    @rule(
        kind=st.sampled_from(["clone", "reinstall", "upgrade", "skew", "misuse"]),
        who=WHO,
        which=WHICH,
    )
    def phone(self, kind: str, who: int, which: int) -> None:
        self.do(kind, who=who, which=which, what="both" if kind == "skew" else "")

    @rule(what=st.sampled_from(["minutes", "hours", "days"]))
    def clock(self, what: str) -> None:
        self.do("clock", what=what)

    @rule()
    def keep(self) -> None:
        self.do("backup")

    @precondition(lambda self: self.simulation.backup is not None)
    @rule(which=WHICH)
    def restore(self, which: int) -> None:
        self.do("restore", which=which)

    @precondition(lambda self: self.simulation.refusing)
    @rule()
    def bump(self) -> None:
        self.do("bump")

    def teardown(self) -> None:
        try:
            if self.simulation.phones and not self.simulation.failed:
                self.do("quiet")
        finally:
            self.run(self.simulation.__aexit__(None, None, None))
            self.stack.close()


@pytest.fixture(scope="module")
def machine(template: str) -> Iterator[type[Machine]]:
    """The machine on a loop of its own: Hypothesis calls its rules from ordinary code."""
    loop = asyncio.new_event_loop()
    made = prepared(template)
    Machine.loop, Machine.ground = loop, loop.run_until_complete(made.__aenter__())
    yield Machine
    loop.run_until_complete(made.__aexit__(None, None, None))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_the_invariants_hold_along_every_path_the_machine_tries(machine: type[Machine]) -> None:
    """I1 to I13; a failing path is shrunk to the fewest steps that still fail."""
    machine.TestCase.settings = settings(
        max_examples=20,
        stateful_step_count=20,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    machine.TestCase("runTest").runTest()
