"""Mutants of what surrounds the engine, each of which the simulation must notice.

The guard of the timeline, what technicians are told, and the photos that commands promise.
"""

from tests.mutants.mutant import Edit, Mutant

TIMELINE = "fieldops/sync/timeline.py"
TELLING = "fieldops/visits/commands/telling.py"
NOTICES = "fieldops/visits/views/notices.py"
PROMISES = "fieldops/files/promises.py"
UPLOADING = "fieldops/files/uploading.py"
KEPT = "tests/simulation/test_simulation.py::test_what_failed_once_holds_for_ever"
RESTORED = f"{KEPT}[2-a-restored-server-is-noticed]"
TWICE = f"{KEPT}[3-a-backup-restored-twice]"
SILENTLY = f"{KEPT}[19-no-visit-is-taken-silently]"
PHOTOS = f"{KEPT}[4-photos-arrive-whole-and-once]"

MUTANTS = (
    Mutant(
        "a restore is not noticed",
        "a server on old data takes numbers and gives out pages that phones know otherwise",
        "I1 I7",
        (Edit(TIMELINE, "    if present.beat < known.beat:\n", "    if known.beat < 0:\n"),),
        (RESTORED,),
    ),
    Mutant(
        "a server that noticed a restore answers all the same",
        "phones sync with old data before the epoch is bumped",
        "I1 I7",
        (
            Edit(
                TIMELINE,
                "        if self.refused is not None:\n            raise TimelineChanged",
                "        if self.refused is None and self._database is None:\n"
                "            raise TimelineChanged",
            ),
        ),
        (RESTORED,),
    ),
    Mutant(
        "an epoch that phones know ends the refusal",
        "a phone does not notice the restore and sends nothing again",
        "I1 I7",
        (
            Edit(
                TIMELINE,
                "        present.epochs.get(region, 1) > known.epochs.get(region, 0)",
                "        present.epochs.get(region, 1) >= known.epochs.get(region, 0)",
            ),
        ),
        (TWICE,),
    ),
    Mutant(
        "who loses a visit is not told",
        "a visit vanishes from a phone without a word",
        "I5 SYNC 2",
        (
            Edit(
                TELLING,
                "    told = [row for row in rows if row.technician_id != by]\n",
                "    told = [] if kind in rules.TAKING else list(rows)\n",
            ),
        ),
        (SILENTLY,),
    ),
    Mutant(
        "notices of what was taken stay at the server",
        "the notice is written, and no phone ever shows it",
        "I5 SYNC 2",
        (
            Edit(
                NOTICES,
                "        Notice.read_at.is_(None),\n",
                '        Notice.read_at.is_(None),\n        Notice.kind != "reassigned",\n',
            ),
        ),
        (SILENTLY,),
    ),
    Mutant(
        "an arrival fulfils no promise",
        "photos that are here are shown as missing for ever",
        "I1 SYNC 7",
        (
            Edit(
                UPLOADING,
                "row.region_id, row.sha256):\n        link.arrived = True\n",
                "row.region_id, row.sha256):\n        link.arrived = False\n",
            ),
        ),
        (PHOTOS,),
    ),
    Mutant(
        "a promise does not look whether its content is here",
        "the second promise of one photo is never fulfilled",
        "I1 SYNC 7",
        (Edit(PROMISES, "arrived=sha256 in here,", "arrived=False,"),),
        (PHOTOS,),
    ),
    Mutant(
        "damaged bytes become evidence",
        "a photo that was damaged on its way is kept as what was promised",
        "I1 SYNC 7",
        (
            Edit(
                UPLOADING,
                "found is None or (found.sha256, found.bytes) != (row.sha256, row.length)",
                "found is None",
            ),
        ),
        (PHOTOS,),
    ),
    Mutant(
        "what a held command promised is forgotten",
        "nobody waits for the photos of work that the desk accepts later",
        "I1 SYNC 7",
        (
            Edit(
                PROMISES,
                '            if not attachment["bytes"] or (',
                '            if not command.took_effect or not attachment["bytes"] or (',
            ),
        ),
        (PHOTOS,),
    ),
    Mutant(
        "what a discarded command promised is waited for",
        "the offices look for photos of work that they have discarded",
        "I1 SYNC 7",
        (
            Edit(
                PROMISES,
                "link.given_up_at = link.given_up_at or now",
                "link.given_up_at = link.given_up_at",
            ),
        ),
        (PHOTOS,),
    ),
    Mutant(
        "the receipt wants nothing",
        "a phone believes that its photos are there",
        "I1 SYNC 7",
        (
            Edit(
                PROMISES,
                "    wanted = [sha256 for sha256 in contents if sha256 not in here]\n",
                "    wanted: list[str] = []\n",
            ),
        ),
        (PHOTOS,),
    ),
)
