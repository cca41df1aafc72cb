"""Mutants of push: locks, order, repeats, refusals, times."""

from tests.mutants.mutant import Edit, Mutant
from tests.mutants.named import (
    TEST_AT_ONCE,
    TEST_CLOCKS,
    TEST_DESK,
    TEST_KILLED,
    TEST_NO_TRACE,
    TEST_PULL,
    TEST_PUSH,
    TEST_VISITS,
)

PUSH, CASES, QUERIES = "fieldops/sync/push.py", "fieldops/sync/cases.py", "fieldops/sync/queries.py"

NO_LOCK_OF_DEVICE = Edit(
    QUERIES, ".where(THE_DEVICE).with_for_update(of=Device)", ".where(_THE_DEVICE)"
)

VISITS, CLOCK = "fieldops/visits/queries/__init__.py", "fieldops/kernel/clock.py"
CLAMPED = (
    f"{TEST_CLOCKS}::test_sync_5_a_reboot_and_a_jump_are_clamped_between_registration_and_receipt"
)

MUTANTS = (
    Mutant(
        "no device lock",
        "two pushes of one phone run at once and judge the same commands twice",
        "I2 I3 I13",
        (NO_LOCK_OF_DEVICE,),
        (
            f"{TEST_AT_ONCE}::test_the_same_push_again_while_the_first_is_under_way_takes_effect_once",
        ),
    ),
    Mutant(
        "answer before commit",
        "a phone is told that its work is safe while it can still be lost",
        "I1",
        (
            Edit(
                PUSH,
                "        async with database.transaction() as session:\n"
                "            batch = await _begin(session, actor, request, key_hash, way.source)\n",
                "        async with _later(database) as session:\n"
                "            batch = await _begin(session, actor, request, key_hash, way.source)\n",
            ),
            Edit(
                PUSH,
                "async def _try(",
                "from contextlib import asynccontextmanager\n\n\n"
                "@asynccontextmanager\n"
                "async def _later(database):\n"
                "    session = database.sessions()\n"
                "    yield session\n"
                "    await session.flush()\n\n"
                "    async def end():\n"
                "        await asyncio.sleep(0.5)\n"
                "        await session.commit()\n"
                "        await session.close()\n\n"
                "    asyncio.create_task(end())\n\n\n"
                "async def _try(",
            ),
        ),
        (
            (
                f"{TEST_KILLED}::"
                "test_a_server_killed_in_a_push_loses_and_doubles_nothing[push.committed=kill]"
            ),
        ),
    ),
    Mutant(
        "last_seq outside the transaction",
        "a server that dies after COMMIT leaves a last_seq below what is done",
        "I3 I8",
        (
            Edit(
                PUSH,
                "            last_seq=self.last_seq,\n            last_seen",
                "            last_seen",
            ),
            Edit(
                PUSH,
                "            await points.reach(points.PUSH_COMMITTED)\n",
                "            await points.reach(points.PUSH_COMMITTED)\n"
                "            taken = __import__('json').loads(answer)['device']['last_seq']\n"
                "            async with database.transaction() as session:\n"
                "                await queries.write_device(session, actor.region_id,\n"
                "                    request.device_id, last_seq=taken)\n",
            ),
        ),
        (
            (
                f"{TEST_KILLED}::"
                "test_a_server_killed_in_a_push_loses_and_doubles_nothing[push.committed=kill]"
            ),
        ),
    ),
    Mutant(
        "savepoint not rolled back",
        "a refused command leaves what it did before it was refused",
        "I4",
        (
            Edit(
                PUSH,
                "            async with self.session.begin_nested():\n",
                "            if True:\n",
            ),
        ),
        (f"{TEST_PUSH}::test_a_programming_error_is_tried_again_and_is_poison_after_five_tries",),
    ),
    Mutant(
        "a refused part of a whole not undone in memory",
        "a refused command's changes are written with those of its neighbours",
        "I4",
        (
            Edit(
                "fieldops/kernel/db.py",
                "            self._restore(obj)\n        return True\n",
                "            pass\n        return True\n",
            ),
        ),
        (
            f"{TEST_NO_TRACE}::test_a_command_that_is_refused_or_crashes_leaves_no_trace[visit.start]",
        ),
    ),
    Mutant(
        "a refused command wakes its centre",
        "every phone of the centre looks in vain",
        "I10",
        (
            Edit(
                "fieldops/kernel/db.py",
                "        del touched(session)[_touched_before[transaction] :]\n",
                "        pass\n",
            ),
        ),
        (f"{TEST_NO_TRACE}::test_a_command_that_is_refused_or_crashes_leaves_no_trace[note.add]",),
    ),
    Mutant(
        "dependents not held",
        "what names a refused command takes effect without it",
        "I3 I4",
        (
            Edit(
                PUSH,
                "            if before is None or before.status not in rules.TOOK_EFFECT:\n",
                "            if False:\n",
            ),
        ),
        (f"{TEST_PUSH}::test_what_names_a_refused_command_is_held_even_on_another_record",),
    ),
    Mutant(
        "later decisions on the record not held",
        "a visit is completed whose start was refused",
        "I3 I4",
        (Edit(PUSH, "        return self.desk.blocking(sent)\n", "        return None\n"),),
        (
            f"{TEST_PUSH}::test_decisions_after_a_refused_one_on_the_same_record_are_held_as_one_case",
        ),
    ),
    Mutant(
        "facts wait for decisions",
        "what was seen on site is not kept because a decision was refused",
        "I1",
        (
            Edit(
                PUSH,
                "        if sent.spec is None or sent.spec.nature is Nature.FACT:\n"
                "            return None\n"
                "        return self.desk",
                "        return self.desk",
            ),
        ),
        (f"{TEST_PUSH}::test_facts_are_kept_whatever_became_of_the_decisions",),
    ),
    Mutant(
        "id reuse not noticed",
        "another command under a used id is answered as done and is lost",
        "I1 I2",
        (Edit(PUSH, "seen.content_hash != sent.digest or ", ""),),
        (f"{TEST_PUSH}::test_a_used_id_with_other_content_is_rejected_and_the_queue_goes_on",),
    ),
    Mutant(
        "gap skipped",
        "commands are taken without those before them",
        "I1 I3",
        (
            Edit(PUSH, "        if sent.seq > self.last_seq + 1:\n", "        if False:\n"),
            Edit(
                PUSH,
                "        if sent.seq == self.last_seq + 1:\n            self.last_seq = sent.seq\n",
                "        if True:\n            self.last_seq = max(self.last_seq, sent.seq)\n",
            ),
        ),
        (f"{TEST_PUSH}::test_a_gap_in_the_numbers_stops_the_push_and_names_the_expected_one",),
    ),
    Mutant(
        "duplicate runs again",
        "a repeated push takes effect twice",
        "I2",
        (
            Edit(
                PUSH,
                "        if seen is None:\n            return False\n",
                "        if True:\n            return False\n",
            ),
            Edit(
                PUSH,
                "        if sent.envelope.id in self.known:\n            return IdReused()\n",
                "",
            ),
            Edit(
                PUSH, "        if sent.seq <= self.last_seq:\n            return SeqReused()\n", ""
            ),
        ),
        (
            f"{TEST_PUSH}::test_a_repeated_push_changes_nothing_and_carries_the_first_results_byte_for_byte",
        ),
    ),
    Mutant(
        "repeats answered with today's status",
        "a phone that asks again hears something else than the first time",
        "I2",
        (
            Edit(
                PUSH,
                """f'"first":{seen.result}}}'""",
                """f'"first":{to_text({**__import__("json").loads(seen.result),"""
                """ "status": seen.status})}}}'""",
            ),
        ),
        (f"{TEST_DESK}::test_a_repeat_after_the_acceptance_still_gets_the_first_answer",),
    ),
    Mutant(
        "poison never gives up",
        "one command that hits a fault of ours blocks the phone's queue for ever",
        "I4 I11",
        (Edit(PUSH, "if self.attempts >= rules.POISON_TRIES:", "if self.attempts >= 10**6:"),),
        (f"{TEST_PUSH}::test_a_programming_error_is_tried_again_and_is_poison_after_five_tries",),
    ),
    Mutant(
        "a fault rejects at once",
        "a fault that is mended the next day has cost the technician's work",
        "I1 I4",
        (Edit(PUSH, "if self.attempts >= rules.POISON_TRIES:", "if self.attempts >= 1:"),),
        (f"{TEST_PUSH}::test_a_fault_that_was_mended_in_time_lets_the_command_take_effect",),
    ),
    Mutant(
        "deadlocks are not tried again",
        "a push that met another one fails",
        "I1 I11",
        (Edit("fieldops/sync/transience.py", '"40P01", ', ""),),
        (
            f"{TEST_PUSH}::test_a_deadlock_is_tried_again_and_leaves_no_trace",
            f"{TEST_PUSH}::test_a_deadlock_that_stays_is_answered_transient_and_nothing_is_kept",
        ),
    ),
    Mutant(
        "facts judged by today's permission",
        "who lost the role over night loses what was seen before",
        "I1",
        (
            Edit(
                PUSH,
                "        if spec is None or spec.nature is Nature.DECISION or "
                "self.actor.allows(spec.permission):\n",
                "        if True:\n",
            ),
        ),
        (f"{TEST_PUSH}::test_facts_are_taken_from_somebody_who_had_the_role_when_capturing",),
    ),
    Mutant(
        "decisions judged by the permission seen",
        "who lost the role goes on deciding until the next pull",
        "I4 I6",
        (Edit(PUSH, "if spec is None or spec.nature is Nature.DECISION or", "if spec is None or"),),
        (
            f"{TEST_PUSH}::test_facts_are_taken_from_somebody_who_had_the_role_when_capturing",
            f"{TEST_PUSH}::test_facts_captured_after_the_phone_knew_of_the_lost_role_are_refused_but_kept",
        ),
    ),
    Mutant(
        "epoch ignored by push",
        "after a restore commands are taken in the numbering of before it",
        "I1 I7",
        (
            Edit(
                PUSH,
                "        if self.request.epoch not in {None, self.epoch}:\n",
                "        if False:\n",
            ),
        ),
        (f"{TEST_PUSH}::test_an_older_epoch_is_told_where_to_send_from",),
    ),
    Mutant(
        "revoked device applies",
        "a stolen phone goes on deciding",
        "I13",
        (
            Edit(
                PUSH,
                "        if self.device.state == DeviceState.REVOKED.value:\n"
                "            return DeviceRevoked()\n",
                "",
            ),
        ),
        (f"{TEST_PULL}::test_a_revoked_device_gets_nothing_hands_in_its_queue_and_wipes_itself",),
    ),
    Mutant(
        "entities without locks and versions",
        "a phone and a dispatcher overwrite each other's visit",
        "I4",
        (
            Edit(
                VISITS,
                "reading(ServiceOrder, lock_orders.with_for_update(), anew=True)",
                "reading(ServiceOrder, lock_orders, anew=True)",
            ),
            Edit(
                VISITS,
                "reading(Visit, lock_visits.with_for_update(), anew=True)",
                "reading(Visit, lock_visits, anew=True)",
            ),
            Edit("fieldops/kernel/writing.py", " and {name}.version = given.was", ""),
            Edit(
                "fieldops/kernel/base.py",
                'return {"version_id_col": cls.version, "version_id_generator": False}',
                "return {}",
            ),
        ),
        (
            (
                f"{TEST_VISITS}::"
                "test_a_push_that_meets_its_visit_being_given_to_another_is_held_and_its_facts_stay"
            ),
            TEST_VISITS,
        ),
    ),
    Mutant(
        "times not clamped to the receipt",
        "work is dated into the future by a phone whose clock is ahead",
        "I4",
        (
            Edit(CLOCK, "    at = min(guess, received)\n", "    at = guess\n"),
            Edit(
                CLOCK,
                "        at = min(max(at, last_seen), received)\n",
                "        at = max(at, last_seen)\n",
            ),
        ),
        (CLAMPED,),
    ),
    Mutant(
        "times not clamped to what the phone had seen",
        "work of a phone with a wrong clock is dated before its registration",
        "I4",
        (
            Edit(
                CLOCK,
                "        at = min(max(at, last_seen), received)\n",
                "        at = min(at, received)\n",
            ),
        ),
        (CLAMPED,),
    ),
    Mutant(
        "no cap on the inflated size",
        "a few bytes make the server hold gigabytes",
        "limits",
        (
            Edit(
                "fieldops/sync/inflate.py",
                "stream.decompress(body, rules.MOST_BYTES + 1)",
                "stream.decompress(body)",
            ),
            Edit(
                "fieldops/sync/inflate.py",
                "    if len(content) > rules.MOST_BYTES:\n",
                "    if False:\n",
            ),
            Edit(
                "fieldops/sync/inflate.py",
                "    if len(content) > rules.RATIO_COUNTS_FROM and",
                "    if False and",
            ),
        ),
        (f"{TEST_PUSH}::test_bombs_and_broken_bodies_are_refused",),
    ),
    Mutant(
        "any key opens a device",
        "whoever knows a colleague's token hands in work as that phone",
        "I6",
        (
            Edit(
                CASES,
                "    if not hmac.compare_digest(expected, presented):\n",
                "    if False:\n",
            ),
        ),
        (f"{TEST_PUSH}::test_without_the_devices_key_nothing_is_taken_or_given",),
    ),
    Mutant(
        "another user's device is taken",
        "work is handed in under a colleague's name",
        "I6",
        (
            Edit(
                PUSH,
                "    if found is None or found[0].person_id != actor.id:\n",
                "    if found is None:\n",
            ),
        ),
        (f"{TEST_PUSH}::test_another_users_device_is_not_found",),
    ),
)
