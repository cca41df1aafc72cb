"""Mutants of claims of the plant and of the cable department's warnings."""

from tests.mutants.mutant import Edit, Mutant
from tests.mutants.named import TEST_CABLE_WORK, TEST_CLAIMS, TEST_OFFLINE_PLANT

CLAIMING = "fieldops/network/commands/claiming.py"
SWAPPING = "fieldops/network/commands/swapping.py"
ENDED = f"{TEST_CLAIMS}::test_re_02_a_claim_is_given_back_when_its_visit_ends_or_goes_to_others"
LATE = (
    f"{TEST_CABLE_WORK}::"
    "test_re_03_the_department_is_warned_at_80_percent_and_the_supervisor_at_the_end"
)
QUIET = (
    f"{TEST_CABLE_WORK}::"
    "test_re_03_suspended_time_a_neighbours_bad_pair_and_what_was_taken_warn_nobody"
)

MUTANTS = (
    Mutant(
        "a claimed pair is claimed again",
        "two technicians wire the same pair, each told that it is theirs",
        "RE-02",
        (Edit(CLAIMING, "or mine or rules.lapsed(row, now)", "or mine or row.claim_until"),),
        (
            f"{TEST_CLAIMS}::test_re_04_who_comes_second_gets_the_best_measured_pair_near_and_is_told_why",
        ),
    ),
    Mutant(
        "a claim fits anywhere",
        "a pair of another street is held for a line that it cannot reach",
        "RE-02",
        (Edit(CLAIMING, "    await _check_use(ctx, service, wanted)\n", ""),),
        (
            f"{TEST_CLAIMS}::test_re_02_a_claim_takes_only_what_ends_where_the_service_does_and_is_in_use",
        ),
    ),
    Mutant(
        "a claim never lapses",
        "a pair that nobody uses stays reserved for ever",
        "RE-02",
        (Edit(CLAIMING, "        _free(row, LAPSED, ctx.now)\n", "        pass\n"),),
        (
            f"{TEST_CLAIMS}::test_re_02_a_claim_holds_a_free_pair_until_it_lapses_and_the_history_says_both",
        ),
    ),
    Mutant(
        "an ended visit keeps its claims",
        "free pairs are missing for half a day after each visit that did not use its own",
        "RE-02",
        (
            Edit(
                "fieldops/visits/commands/ending.py",
                "    await give_back_claims(ctx, visit.id)\n",
                "",
            ),
        ),
        (f"{ENDED}[completed]",),
    ),
    Mutant(
        "a visit whose work was set aside keeps its claims",
        "a pair is held for work that waits for a week",
        "RE-02",
        (
            Edit(
                "fieldops/visits/commands/following.py",
                "    await give_back_claims(ctx, visit.id)\n    visit.state",
                "    visit.state",
            ),
        ),
        (f"{ENDED}[its work suspended]",),
    ),
    Mutant(
        "a visit that went to others keeps its claims",
        "who comes next finds a pair held that they know nothing of",
        "RE-02",
        (Edit("fieldops/visits/commands/following.py", "if rows and not some_stay:", "if False:"),),
        (f"{ENDED}[moved to another]",),
    ),
    Mutant(
        "a claim goes with the first who leaves",
        "a colleague who stays on the visit loses the pair they are about to wire",
        "RE-02",
        (Edit("fieldops/visits/commands/following.py", "if rows and not some_stay:", "if rows:"),),
        (f"{TEST_CLAIMS}::test_re_02_a_claim_stays_while_one_of_its_technicians_stays",),
    ),
    Mutant(
        "a colleague's claim is a newer state",
        "a steward has to decide what two people of one visit agree on",
        "RE-05",
        (
            Edit(
                SWAPPING,
                "if ctx.accepted or rules.claimed_by(",
                "if ctx.accepted and rules.claimed_by(",
            ),
        ),
        (
            f"{TEST_OFFLINE_PLANT}::test_re_02_a_colleague_swaps_to_the_pair_their_own_visit_claimed_without_a_steward",
        ),
    ),
    Mutant(
        "a claimed pair that is bad keeps its service",
        "the visit cannot be completed for a pair that its line never led over",
        "VI-04",
        (
            Edit(
                SWAPPING,
                "    if feature.claim_until is not None:\n        feature.service_id = None\n",
                "",
            ),
        ),
        (
            f"{TEST_CLAIMS}::test_re_02_a_claimed_pair_that_proves_bad_holds_up_neither_its_service_nor_its_visit",
        ),
    ),
    Mutant(
        "a transfer needs no test",
        "the cable department gets a repair and cannot see what was measured",
        "RE-03",
        (
            Edit(
                "fieldops/measurements/reactions.py",
                "if event.department == Department.CABLE and not excused:",
                "if event.department is None:",
            ),
        ),
        (
            f"{TEST_CABLE_WORK}::test_re_03_a_repair_goes_to_the_cable_department_with_a_test_or_an_offices_reason",
        ),
    ),
    Mutant(
        "the department is warned when it is too late",
        "the warning comes with the end of the four hours and helps nobody",
        "RE-03",
        (Edit("fieldops/orders/jobs.py", "now - within * percent / 100", "now - within"),),
        (LATE,),
    ),
    Mutant(
        "a transfer that was taken is warned of",
        "the supervisor is called for work that the department has taken",
        "RE-03",
        (
            Edit(
                "fieldops/orders/queries/cable.py",
                "        WorkOrder.transfer_accepted_at.is_(None),\n",
                "",
            ),
        ),
        (QUIET,),
    ),
    Mutant(
        "a repair left on a bad pair warns nobody",
        "no swap helps, nobody transfers it, and nobody hears of it",
        "RE-03",
        (
            Edit(
                "fieldops/orders/queries/cable.py",
                "and_(WorkOrder.state.in_(sorted(rules.FOR_A_VISIT)), on_bad_plant)",
                "WorkOrder.id.is_(None)",
            ),
        ),
        (LATE,),
    ),
    Mutant(
        "what the customer suspended counts",
        "the department is warned of time that was not its own",
        "RE-03",
        (
            Edit(
                "fieldops/orders/queries/cable.py",
                "            WorkOrder.received_at + stood_still <= received_before,\n",
                "",
            ),
        ),
        (QUIET,),
    ),
)
