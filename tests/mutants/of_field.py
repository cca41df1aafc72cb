"""Mutants of what a technician's day leans on: claims, stocks, what failed items open."""

from tests.mutants.mutant import Edit, Mutant

CLAIMING = "fieldops/network/commands/claiming.py"
STOCKS = "fieldops/materials/rules.py"
OPENING = "fieldops/checklists/opening.py"
TEST_CLAIMS = "tests/modules/test_network_claims.py"
BEST = "who_comes_second_gets_the_best_measured_pair_near_and_is_told_why"
SUMMED = "a_stock_that_goes_on_from_itself_is_the_sum_of_its_movements"
ONCE = "a_missing_earth_opens_cable_work_once_with_the_answer_it_came_from"

MUTANTS = (
    Mutant(
        "a claim that lost says nothing",
        "a technician connects the pair that was asked for and not the one that is held",
        "RE-02 I4",
        (Edit(CLAIMING, "            ctx.warn(\n", "            str(\n"),),
        (f"{TEST_CLAIMS}::test_re_04_{BEST}",),
    ),
    Mutant(
        "a count that arrives late counts as the newest",
        "what was used after it is in the stock again",
        "CH-03",
        (
            Edit(
                STOCKS,
                "        return (quantity, at) if newest is None or at > newest else None",
                "        return quantity, at",
            ),
        ),
        (f"tests/modules/test_materials.py::test_ch_03_{SUMMED}",),
    ),
    Mutant(
        "an item opens anew with every answer",
        "an answer that is sent again opens the same work once more or is not kept",
        "CH-04 I1",
        (
            Edit(
                OPENING,
                "        if before is None:\n",
                "        if before is None or rule.holds(answer.value):\n",
            ),
        ),
        (f"tests/modules/test_checklists_opening.py::test_ch_04_{ONCE}",),
    ),
)
