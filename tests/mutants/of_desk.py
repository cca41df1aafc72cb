"""Mutants of the desk, of merging, and of the points themselves."""

from tests.mutants.mutant import Edit, Mutant
from tests.mutants.named import TEST_AT_ONCE, TEST_DESK, TEST_KILLED, TEST_MERGE

COMMANDS, QUERIES = "fieldops/sync/commands/desk.py", "fieldops/sync/queries.py"

MUTANTS = (
    Mutant(
        "case outcome not told",
        "the technician never hears what became of refused work",
        "I11",
        (
            Edit(
                COMMANDS,
                "    await queries.news_of_cases(ctx.session, ctx.region_id, case.device_id)\n",
                "",
            ),
        ),
        (
            f"{TEST_DESK}::test_discarded_and_credited_work_takes_no_effect_and_the_reason_goes_back",
        ),
    ),
    Mutant(
        "desk accept without the device's order",
        "accepted work runs in another order than it was done in",
        "I3",
        (
            Edit(
                QUERIES,
                "        .order_by(CaseEntry.seq, CaseEntry.id)\n",
                "        .order_by(CaseEntry.seq.desc())\n",
            ),
        ),
        (
            f"{TEST_DESK}::test_accepted_work_takes_effect_in_order_as_the_technicians_and_the_phone_hears_of_it",
        ),
    ),
    Mutant(
        "a case is decided without locks",
        "a command joins a case that is closed, and two dispatchers decide one case",
        "I2 I4",
        (
            Edit(
                QUERIES,
                "    device = await device_for_push(session, scope.region_id, device_id)\n",
                "    found = await session.get(Device, (scope.region_id, device_id))\n"
                "    device = None if found is None else (found, 1)\n",
            ),
            Edit(
                QUERIES,
                "        .where(policy.visible_cases(scope), Case.id == case_id)\n"
                "        .with_for_update()\n",
                "        .where(policy.visible_cases(scope), Case.id == case_id)\n",
            ),
        ),
        (
            f"{TEST_AT_ONCE}::test_a_decision_at_the_desk_waits_for_the_push_that_adds_to_its_case",
            f"{TEST_AT_ONCE}::test_two_dispatchers_who_decide_about_one_case_at_once_decide_it_once",
        ),
    ),
    Mutant(
        "a closed case is decided again",
        "late work takes effect twice",
        "I2",
        (
            Edit(
                QUERIES,
                "    if case.state != CaseState.OPEN.value:\n        raise CaseClosed",
                "    if False:\n        raise CaseClosed",
            ),
        ),
        (
            f"{TEST_DESK}::test_discarded_and_credited_work_takes_no_effect_and_the_reason_goes_back",
        ),
    ),
    Mutant(
        "merge ignores foreign fields",
        "the later of two changes of one field wins silently",
        "I4 SYNC 2",
        (Edit("fieldops/kernel/commands.py", "        if meeting:\n", "        if False:\n"),),
        (f"{TEST_MERGE}::test_a_field_that_somebody_else_changed_meanwhile_is_not_overwritten",),
    ),
    Mutant(
        "merge counts own changes as foreign",
        "a phone's second change of a day conflicts with its own first",
        "I4 SYNC 2",
        (
            Edit(
                "fieldops/kernel/audit.py",
                "            Audit.device_id.is_distinct_from(device_id),\n",
                "",
            ),
        ),
        (f"{TEST_MERGE}::test_a_phone_does_not_conflict_with_its_own_earlier_commands",),
    ),
    Mutant(
        "states merge",
        "a visit is started that somebody else has been through meanwhile",
        "I4 SYNC 2",
        (
            Edit(
                "fieldops/kernel/commands.py",
                "        meeting = foreign & set(fields)\n",
                '        meeting = (foreign & set(fields)) - {"state", "kind"}\n',
            ),
        ),
        (f"{TEST_MERGE}::test_states_never_merge",),
    ),
    Mutant(
        "fail points open in production",
        "an environment variable stops a real server",
        "operations",
        (
            Edit(
                "fieldops/kernel/points.py",
                '    if environment == "production":\n        close()\n    elif',
                '    if environment == "demo":\n        close()\n    elif True or',
            ),
        ),
        (f"{TEST_KILLED}::test_production_has_no_fail_points",),
    ),
)
