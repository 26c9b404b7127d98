"""The planted bugs, by where they are. Each breaks a promise; the simulated world has to find each."""

from tests.sim.planted import counters, devices, harmless, hub, presence, rules, settings, stores
from tests.sim.planting import Bug

NAMED = {
    "acknowledge before fsync": "the journal answers before its fsync",
    "dedup window lost on restart": "deduplication is lost at a restart",
    "edge sends before its fsync (number reuse)": "numbers go on from a card that may lie",
    "no outbox fsync": "the outbox answers before its fsync",
    "retry fsync after EIO": "a commit that failed is tried again, and then believed",
    "trust page cache at start": "a start believes what was never made durable",
    "no directory fsync after rename": "tests/hub/test_backup.py::test_a_restore_killed_at_any_step_leaves_a_folder_no_hub_starts_on",
    "torn tail not cut": "tests/hub/test_journal.py::test_a_torn_last_write_is_cut_off_and_everything_before_it_is_there",
    "carry on at a damaged frame": "tests/faults/test_flips.py::test_without_the_hashes_a_changed_fact_is_believed",
    "only `hello` may lower the mark": "an answer that is lower is ignored",
    "snapshot ahead of the journal": "tests/hub/test_backup.py::test_a_backup_with_a_journal_of_another_length_is_refused",
    "acknowledge over a gap": "a scan behind a gap is taken",
    "stale temp file reused": "tests/hub/test_backup.py::test_a_backup_killed_at_any_step_leaves_nothing_half_made_under_its_name",
    "hold/offline race not recorded": "an article is paid with what is set aside for another",
    "ids from the wall clock": "charges are named by the wall clock",
    "top-up without key": "an ask is decided as often as it comes",
    "overdraft not recorded": "what a pilot promised passes a limit, and does not say so",
    "door command with wall-clock expiry": "the hub's challenge may take any time",
    "door command without": "a door opens on request, without a challenge",
    "edge trusts old ack after hub restore": "a hub that comes is not asked first",
}
"""The twenty of reliability.md, and what each is here. Those of files that no world has are a test's, which takes the guard away or tears
the file: there is no snapshot, and the journal has no frames or names of its own, but rows of SQLite."""


def every_bug() -> dict[str, Bug]:
    """By name, the harmless ones too."""
    bugs = (*devices.BUGS, *hub.BUGS, *rules.BUGS, *counters.BUGS, *presence.BUGS, *settings.BUGS, *stores.BUGS, *harmless.BUGS)
    found = {bug.name: bug for bug in bugs}
    assert len(found) == len(bugs), "two planted bugs have one name"
    return found
