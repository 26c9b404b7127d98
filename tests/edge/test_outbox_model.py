"""The outbox against a dictionary: any order of storing and settling."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.outbox import SqliteOutbox
from proto.messages import Line, Scan, Shown
from tests.edge.test_outbox import BY_DEVICE, BY_HUB, MONDAY, NOON_MS, ROOM, TUESDAY, scan

appends = st.tuples(st.just("append"), st.sampled_from([MONDAY, TUESDAY]), st.integers(1, 12), st.sampled_from([None, BY_HUB, BY_DEVICE]))
settles = st.tuples(st.just("settle"), st.sampled_from([MONDAY, TUESDAY]), st.integers(0, 13), st.integers(0, 13))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(appends, settles), max_size=25))
def test_any_order_of_storing_and_settling_agrees_with_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int, object]]
) -> None:
    box = SqliteOutbox(tmp_path_factory.mktemp("box"), lambda: NOON_MS)
    box._db.execute("PRAGMA synchronous=OFF")  # the model is about states; durability has tests of its own
    rank = {None: 0, BY_HUB: 1, BY_DEVICE: 2}
    model: dict[tuple[str, int], tuple[Shown | None, bool]] = {}
    incs: list[str] = []
    for kind, inc, n, extra in steps:
        if kind == "append":
            shown = extra if isinstance(extra, Shown) else None
            answered = shown is BY_HUB
            if inc not in incs:
                incs.append(inc)
            box.append([scan(n, shown, inc)] if answered else [], [] if answered else [scan(n, shown, inc)])
            old = model.get((inc, n))
            if old is None or (shown and shown is not old[0] and rank[shown] >= rank[old[0]]):
                model[inc, n] = (shown, answered)
        else:
            assert isinstance(extra, int)
            for (an_inc, number), (shown, _) in model.items():
                if an_inc == inc:
                    model[inc, number] = (shown, number <= n and (shown is not BY_DEVICE or number <= extra))
            left = box.settle([Line(inc, n, extra)])
            assert left == sum(not settled for _, settled in model.values())
    waiting = sorted((key for key, (_, settled) in model.items() if not settled), key=lambda key: (incs.index(key[0]), key[1]))
    sent = [record for record in box.oldest(ROOM, {}) if isinstance(record, Scan)]
    assert [(record.inc, record.n) for record in sent] == waiting
    assert [record.shown for record in sent] == [model[key][0] for key in waiting]
    assert box.archived() == len(model) - len(waiting)
    box.close()
