"""Mutants of pull: the two-phase record, the fast path, cursors, permission, order."""

from tests.mutants.mutant import Edit, Mutant
from tests.mutants.named import TEST_AT_ONCE, TEST_DESK, TEST_FAST_PATH, TEST_PULL

PULL, HELD, CURSOR = "fieldops/sync/pull.py", "fieldops/sync/held.py", "fieldops/sync/cursor.py"
QUERIES = "fieldops/sync/queries.py"

MUTANTS = (
    Mutant(
        "view advanced on send",
        "a page lost on its way counts as held; its rows never come",
        "I5",
        (Edit(PULL, '"gen_confirmed": confirmed,', '"gen_confirmed": generation,'),),
        (f"{TEST_PULL}::test_a_lost_page_is_sent_again_puts_and_dels",),
    ),
    Mutant(
        "removed_gen forgotten",
        "rows that left the view are sent as gone again and again, or never",
        "I5",
        (Edit(HELD, "    gone = [c for c in sent if c.held]\n", "    gone: list[Change] = []\n"),),
        (
            f"{TEST_PULL}::test_a_change_arrives_as_one_put_and_a_removal_as_one_del",
            f"{TEST_PULL}::test_the_record_keeps_removed_rows_until_the_device_confirms",
        ),
    ),
    Mutant(
        "lost removals not taken back",
        "a del lost on its way is never sent again: the phone keeps what it may not see",
        "I5 I6",
        (Edit(HELD, ".values(removed_gen=null())", ".values(removed_gen=_GENERATION)"),),
        (f"{TEST_PULL}::test_a_lost_page_is_sent_again_puts_and_dels",),
    ),
    Mutant(
        "lost puts not taken back",
        "a put lost on its way counts as held",
        "I5",
        (
            Edit(
                HELD,
                "delete(HeldRow).where(_MINE, HeldRow.added_gen > _GENERATION)",
                "delete(HeldRow).where(_MINE, HeldRow.added_gen > _GENERATION + 1000)",
            ),
        ),
        (f"{TEST_PULL}::test_a_lost_page_is_sent_again_puts_and_dels",),
    ),
    Mutant(
        "generations used again",
        "the late answer to a lost request passes for the page that was sent anew",
        "I5 I7",
        (
            Edit(
                PULL,
                "= int(device.gen_sent) + 1\n            totals",
                "= confirmed + 1\n            totals",
            ),
        ),
        (f"{TEST_PULL}::test_a_late_page_of_an_earlier_try_does_not_confuse_the_record",),
    ),
    Mutant(
        "no device lock in a pull",
        "two pulls of one phone write the same generation",
        "I5 I7 I13",
        (
            Edit(
                PULL,
                "        await positions.lock_for_pull(line, region_id, device.id)\n",
                "",
            ),
        ),
        (
            f"{TEST_AT_ONCE}::test_two_pulls_of_one_device_leave_a_record_that_agrees_with_the_phone",
            f"{TEST_AT_ONCE}::test_a_pull_started_during_a_push_waits_for_it",
            f"{TEST_AT_ONCE}::test_a_pull_that_meets_its_device_being_taken_away_sends_nothing",
        ),
    ),
    Mutant(
        "a pull without a snapshot",
        "a page shows half of a push, or says it knows what it did not look at",
        "I5 I8",
        (
            Edit(
                "fieldops/kernel/direct.py",
                "begin isolation level repeatable read",
                "begin isolation level read committed",
            ),
        ),
        (
            (
                f"{TEST_AT_ONCE}::"
                "test_a_pull_that_meets_a_push_of_its_device_shows_all_or_nothing_of_it"
            ),
        ),
    ),
    Mutant(
        "counter read outside the snapshot",
        "a change committed while a page is made counts as known: the phone never gets it",
        "I5",
        (
            Edit(
                PULL,
                "    async with direct.snapshot() as line:\n",
                "    async with direct.snapshot() as line:\n        asked.outside = direct\n",
            ),
            Edit(
                PULL,
                "self._key(totals.counters, totals.catalogue)",
                "self._key(*await positions.counters(\n"
                '                self.outside, scope.region_id, values["view_centres"]))',
            ),
        ),
        (
            f"{TEST_AT_ONCE}::test_a_change_committed_while_a_page_is_made_is_found_by_the_next_pull",
        ),
    ),
    Mutant(
        "permission not checked page by page",
        "rows taken away during a long first pull are sent all the same",
        "I6",
        (
            Edit(PULL, "class Standing(Enum):\n", "_LOOKED = {}\n\n\nclass Standing(Enum):\n"),
            Edit(
                PULL,
                "        return first.totals, Page([], first.puts, ",
                "        _, rest = await held.difference(line, scope, of, 10**6)\n"
                "        _LOOKED[self.device.id] = first.totals, rest\n"
                "        _LOOKED[id(rest)] = await held.bodies(line, scope, rest)\n"
                "        return first.totals, Page([], first.puts, ",
            ),
            Edit(
                PULL,
                "        totals, steps = await held.difference("
                "line, scope, of, self.request.limit.rows + 1)\n",
                "        totals, steps = _LOOKED.pop(self.device.id, None) or (\n"
                "            await held.difference(line, scope, of, self.request.limit.rows + 1)\n"
                "        )\n",
            ),
            Edit(
                PULL,
                "        found = await held.bodies(line, scope, puts)\n",
                "        found = _LOOKED.pop(id(steps), None)\n"
                "        found = found or await held.bodies(line, scope, puts)\n",
            ),
        ),
        (f"{TEST_PULL}::test_a_row_taken_away_between_two_pages_is_not_sent",),
    ),
    Mutant(
        "the former centre is not counted",
        "a row that moved to another centre stays as it was on the phones of the first",
        "I5",
        (
            Edit(
                "fieldops/kernel/db.py",
                '            touch(self, obj.region_id, changes["centre_id"][0], type(obj),',
                "            print(type(obj),",
            ),
        ),
        (
            f"{TEST_FAST_PATH}::test_a_row_that_moves_to_a_centre_the_phone_knows_nothing_of_is_found",
        ),
    ),
    Mutant(
        "fast path ignores grants",
        "who lost a role keeps the rows until something else changes",
        "I5 I6",
        (Edit(PULL, "            grants.digest(self.actor.grants),\n", '            "",\n'),),
        (f"{TEST_PULL}::test_a_lost_role_empties_the_view",),
    ),
    Mutant(
        "fast path ignores time",
        "what must leave a phone at a moment stays",
        "I5 CU-05",
        (Edit(PULL, "            and self.now < found.view_valid_until\n", ""),),
        (f"{TEST_PULL}::test_a_row_leaves_by_time_alone_when_its_moment_comes",),
    ),
    Mutant(
        "fast path ignores the catalogue",
        "a new template reaches no phone until something else changes",
        "I5",
        (Edit(PULL, "            catalogue,\n", ""),),
        (f"{TEST_FAST_PATH}::test_a_changed_catalogue_makes_every_phone_look",),
    ),
    Mutant(
        "fast path ignores last_seq",
        "what a push changed without a centre's counter is not shown",
        "I5 I8",
        (
            Edit(
                PULL,
                "            self.device.last_seq,\n            self.device.case_gen",
                "            0,\n            self.device.case_gen",
            ),
            Edit(
                "fieldops/sync/push.py",
                'return {} if here else {"view_valid_until": None}',
                "return {}",
            ),
        ),
        (
            f"{TEST_FAST_PATH}::test_what_a_phone_did_in_a_centre_it_holds_nothing_of_is_shown_to_it",
        ),
    ),
    Mutant(
        "fast path ignores cases",
        "the technician is not told what became of refused work",
        "I5 I11",
        (
            Edit(PULL, "            self.device.case_gen,\n", "            0,\n"),
            Edit(QUERIES, ', "view_valid_until": None}', "}"),
        ),
        (
            f"{TEST_DESK}::test_accepted_work_takes_effect_in_order_as_the_technicians_and_the_phone_hears_of_it",
            f"{TEST_DESK}::test_discarded_and_credited_work_takes_no_effect_and_the_reason_goes_back",
        ),
    ),
    Mutant(
        "no full look after six hours",
        "what was changed by hand without a counter is never found",
        "I5",
        (
            Edit(
                PULL,
                "by_time = [midnight, self.now + rules.FULL_DIFF_EVERY]",
                "by_time = [midnight]",
            ),
        ),
        (f"{TEST_PULL}::test_a_full_look_is_taken_after_six_hours_and_at_local_midnight",),
    ),
    Mutant(
        "cursor unsigned",
        "a phone makes up where it stands",
        "I5 I6",
        (Edit(CURSOR, "hmac.compare_digest(", "(lambda *_: True)("),),
        (f"{TEST_PULL}::test_a_forged_cursor_resets",),
    ),
    Mutant(
        "cursor of another device accepted",
        "a copied app stands at the page of another phone",
        "I5",
        (
            Edit(CURSOR, "            holder.device_id.bytes,\n", ""),
            Edit(CURSOR, "            holder.person_id.bytes,\n", ""),
        ),
        (f"{TEST_PULL}::test_the_cursor_of_another_device_or_user_resets",),
    ),
    Mutant(
        "epoch ignored by pull",
        "after a restore a phone goes on from a page that the server forgot",
        "I5 I7",
        (
            Edit(PULL, " or self.request.epoch not in {None, self.device.epoch}", ""),
            Edit(
                CURSOR,
                "body = _BODY.pack(holder.epoch, generation)",
                "body = _BODY.pack(0, generation)",
            ),
        ),
        (f"{TEST_PULL}::test_another_schema_or_epoch_resets",),
    ),
    Mutant(
        "a lost role keeps its view",
        "who left the company goes on reading customers' addresses",
        "I6",
        (
            Edit(
                PULL,
                "views.shown(allowed=self.actor.allows(Permission.SYNC_USE))",
                "views.shown(allowed=True)",
            ),
        ),
        (f"{TEST_PULL}::test_a_lost_role_empties_the_view",),
    ),
    Mutant(
        "revoked device pulls",
        "a stolen phone goes on reading",
        "I13",
        (
            Edit(
                PULL,
                "        if found.state != DeviceState.ACTIVE.value:\n",
                "        if found.state == DeviceState.LOCKED.value:\n",
            ),
        ),
        (f"{TEST_PULL}::test_a_revoked_device_gets_nothing_hands_in_its_queue_and_wipes_itself",),
    ),
    Mutant(
        "locked device pulls",
        "a phone left in a van goes on reading",
        "I13",
        (
            Edit(
                PULL,
                "        if found.state != DeviceState.ACTIVE.value:\n",
                "        if found.state == DeviceState.REVOKED.value:\n",
            ),
        ),
        (f"{TEST_PULL}::test_a_locked_device_waits_and_goes_on_when_unlocked",),
    ),
    Mutant(
        "parents leave before their children",
        "a page ends with a test result whose visit is gone",
        "I9",
        (Edit(HELD, "view.name: -view.rank", "view.name: view.rank"),),
        (f"{TEST_PULL}::test_dels_come_before_puts_children_go_first_and_parents_come_first",),
    ),
    Mutant(
        "children come before their parents",
        "a page ends with a test result whose visit is yet to come",
        "I9",
        (Edit(HELD, "literal(view.rank, literal_exec", "literal(-view.rank, literal_exec"),),
        (f"{TEST_PULL}::test_parents_come_before_children_of_the_same_tier",),
    ),
    Mutant(
        "a page is cut in another order than it is sent in",
        "a visit leaves while its test results stay for the next page",
        "I9",
        (Edit(HELD, 'steps.order_by("tier", "place", "id")', 'steps.order_by("id")'),),
        (f"{TEST_PULL}::test_dels_come_before_puts_children_go_first_and_parents_come_first",),
    ),
)
