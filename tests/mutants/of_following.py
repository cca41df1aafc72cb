"""Mutants of the pull that follows the log of changes: what is written, read off, looked at."""

from tests.mutants.mutant import Edit, Mutant
from tests.mutants.named import TEST_AT_ONCE, TEST_FAST_PATH, TEST_FOLLOWING

CHANGES, DB = "fieldops/kernel/changes.py", "fieldops/kernel/db.py"
READING, FOLLOWING = "fieldops/sync/reading.py", "fieldops/sync/following.py"
PULL, PUSH, RULES = "fieldops/sync/pull.py", "fieldops/sync/push.py", "fieldops/sync/rules.py"

EVERY_COLUMN = f"{TEST_FOLLOWING}::test_whatever_column_a_view_reads_the_phone_learns_of_its_change"

MUTANTS = (
    Mutant(
        "the log is not written",
        "every pull with news looks at everything again",
        "I10",
        (Edit(CHANGES, "from counted join given on", "from counted join given on false and"),),
        (f"{TEST_FOLLOWING}::test_a_pull_of_changes_looks_at_the_views_they_are_in",),
    ),
    Mutant(
        "the log names one row of each count",
        "what else a transaction changed reaches the phone hours later",
        "I5",
        (
            Edit(
                CHANGES,
                "        for (table, id_), columns in sorted(rows.items(), ",
                "        for (table, id_), columns in sorted([*rows.items()][:1], ",
            ),
        ),
        (
            f"{TEST_FOLLOWING}::test_rows_changed_made_and_deleted_in_one_transaction_come_in_one_page",
        ),
    ),
    Mutant(
        "the log names no deleted rows",
        "what was deleted stays on the phones for hours",
        "I5 I6",
        (
            Edit(
                DB,
                "        for obj in self.deleted:\n"
                "            if isinstance(obj, Versioned) and obj not in self._accounted:\n"
                "                self._take(obj, audit.deleted(obj, ctx) "
                "if audit.is_kept(obj, ctx) else None)\n",
                "        for obj in self.deleted:\n"
                "            if isinstance(obj, Versioned) and obj not in self._accounted:\n"
                "                self._take(obj, audit.deleted(obj, ctx) "
                "if audit.is_kept(obj, ctx) else None)\n"
                '                touches = self.info["touched"]\n'
                "                touches[-1] = touches[-1]._replace(table='gone')\n",
            ),
        ),
        (
            f"{TEST_FOLLOWING}::test_rows_changed_made_and_deleted_in_one_transaction_come_in_one_page",
        ),
    ),
    Mutant(
        "what a view reads beside its rows is not looked at",
        "rows that come or go because of another table's row come or go hours later",
        "I5 I6",
        (
            Edit(
                READING,
                "        if of_any or _decides(found.elsewhere, table, columns):\n",
                "        if of_any:\n",
            ),
        ),
        (f"{TEST_FOLLOWING}::test_a_change_is_looked_for_where_it_can_matter", EVERY_COLUMN),
    ),
    Mutant(
        "columns of subqueries are not read off",
        "a change that lets rows come or go passes for one that does not",
        "I5 I6",
        (
            Edit(
                READING,
                "        if table.name != root:\n"
                "            found.columns[table.name].add(column.name)\n",
                "        if table.name != root:\n"
                "            found.columns[table.name].update(())\n",
            ),
        ),
        (
            f"{TEST_FOLLOWING}::test_what_decides_about_a_view_is_read_off_its_statement",
            EVERY_COLUMN,
        ),
    ),
    Mutant(
        "own visits are not compared",
        "a visit given away stays on the phone with all that hangs on it",
        "I5 I6",
        (
            Edit(
                READING,
                "    return Look(left, may_come, frozenset(whole), moved)\n",
                "    return Look(left, may_come, frozenset(whole), grounds=False)\n",
            ),
        ),
        (f"{TEST_FOLLOWING}::test_a_change_is_looked_for_where_it_can_matter", EVERY_COLUMN),
    ),
    Mutant(
        "a row never comes in by a change of its own",
        "a row that begins to belong to the phone stays away for hours",
        "I5",
        (
            Edit(
                READING,
                "            if view in matters.coming:\n",
                "            if view in matters.coming and not named:\n",
            ),
        ),
        (f"{TEST_FOLLOWING}::test_a_change_is_looked_for_where_it_can_matter", EVERY_COLUMN),
    ),
    Mutant(
        "a gap in the log is not noticed",
        "a change whose entry is gone is never looked for",
        "I5",
        (
            Edit(
                PULL,
                "        if len(log) != grown - device.view_catalogue:\n",
                "        if len(log) > grown - device.view_catalogue:\n",
            ),
        ),
        (f"{TEST_FOLLOWING}::test_a_gap_in_the_log_makes_a_phone_look_at_everything",),
    ),
    Mutant(
        "the log is forgotten after an hour",
        "phones that were away for longer look at everything",
        "I10",
        (Edit(RULES, "LOG_KEPT = timedelta(days=1)", "LOG_KEPT = timedelta(hours=1)"),),
        (f"{TEST_FOLLOWING}::test_the_log_is_kept_longer_than_any_phone_follows_it",),
    ),
    Mutant(
        "the log is read in another snapshot",
        "a page shows half of what was committed while it was made",
        "I8 I9",
        (
            Edit(
                FOLLOWING,
                "        positions.sum_of_counters(_REGION, Device.view_centres) "
                '== given("counters", BigInteger()),\n',
                "",
            ),
        ),
        (f"{TEST_AT_ONCE}::test_a_page_that_follows_the_log_is_of_the_moment_it_was_read_in",),
    ),
    Mutant(
        "a followed page ignores a push meanwhile",
        "a page says last_seq n and shows what later commands did",
        "I8",
        (
            Edit(
                FOLLOWING,
                '        Device.last_seq == given("last_seq", BigInteger()),\n',
                "",
            ),
            Edit(
                FOLLOWING,
                "        positions.sum_of_counters(_REGION, Device.view_centres) "
                '== given("counters", BigInteger()),\n',
                "",
            ),
        ),
        (
            (
                f"{TEST_AT_ONCE}::"
                "test_a_page_that_follows_the_log_shows_all_or_nothing_of_a_push_meanwhile"
            ),
        ),
    ),
    Mutant(
        "a followed page counts as held on send",
        "who loses a page on its way starts anew with all rows",
        "I5",
        (
            Edit(
                FOLLOWING,
                "            gen_confirmed=page.c.gen_sent,\n",
                "            gen_confirmed=page.c.generation,\n",
            ),
        ),
        (f"{TEST_FOLLOWING}::test_a_lost_page_that_followed_the_log_is_sent_again",),
    ),
    Mutant(
        "what a phone did elsewhere is not looked for",
        "its own work in a centre that it does not follow is not shown to it",
        "I8",
        (Edit(PUSH, 'return {} if here else {"view_valid_until": None}', "return {}"),),
        (
            f"{TEST_FAST_PATH}::test_what_a_phone_did_in_a_centre_it_holds_nothing_of_is_shown_to_it",
        ),
    ),
)
