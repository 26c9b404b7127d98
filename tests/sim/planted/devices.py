"""Bugs of the device: `edge/`."""

from tests.sim.planting import Bug, Edit

_ALONE = "    state = replace(state, storing=shown)\n    return state, (_store(state),)"
_TOLD = '    told = tuple(_shown(scan, Light.ADULT, "storage") for scan in state.storing)'
_TOLD_SHOWS = "    shows = tuple(e.Show(e.Pattern.ADULT, scan.reader, scan.n) for scan in told)"
_LATE = '                effects += (e.Log("a late verdict is not shown", {"n": verdict.n, "code": verdict.code}),)'
_STEPPED = "            self.state, effects = station.step(self.state, todo.popleft(), now_ms)\n"
_BEGUN = "        parts.outputs.show(e.Pattern.AWAY)\n        for event in remembered(parts.outbox):\n"
_SAME_LIFE = """        if (known := parts.outbox.kept("inc")) is None:
            parts.outbox.keep("inc", self.state.inc.encode())
        else:
            self.state = State(known.decode(), int(parts.outbox.kept("n") or b"0"))
"""
_KEEP_N = """            before = self.state.n
            self.state, effects = station.step(self.state, todo.popleft(), now_ms)
            if self.state.n != before:
                self._careful(parts, lambda: parts.outbox.keep("n", str(self.state.n).encode()))
"""
_DOOR_AGE = "if not question.scan.nonce or grant.nonce != question.scan.nonce or now_ms - question.asked_ms > GRANT_MAX_AGE_MS:"
_STALE = "    if event.retained or message.session != state.session or message.n <= state.command_n:"
_CHALLENGE = "    if not message.nonce:\n"
_NO_CHALLENGE = """    if not message.nonce:
        return state, (e.Pulse(message.reader, setting.door_ms), e.Answer(message.n, "done"))
    if not message.nonce:
"""

BUGS = (
    Bug(
        "a light before the card has the scan",
        (
            Edit(
                "edge.station",
                _ALONE,
                "    state = replace(state, storing=shown)\n"
                "    lit = tuple(e.Show(e.Pattern(scan.shown.light.value), scan.reader, scan.n) for scan in shown if scan.shown)\n"
                "    return state, (*lit, _store(state))",
            ),
        ),
    ),
    Bug(
        "a yes though the card is full",
        (
            Edit("edge.station", _TOLD, "    told = state.storing"),
            Edit("edge.station", _TOLD_SHOWS, _TOLD_SHOWS.replace("e.Pattern.ADULT", "e.Pattern(scan.shown.light.value)")),
        ),
    ),
    Bug("a card that fails is taken for a full one", (Edit("edge.loop", "    if error.fatal:\n", "    if not str(error):\n"),)),
    Bug(
        "a scan that a full card refused is forgotten",
        (Edit("edge.station", "    kept = (*state.unsaved, *told)", "    kept = state.unsaved"),),
    ),
    Bug(
        "a late verdict lights a lamp",
        (
            Edit(
                "edge.station",
                _LATE,
                _LATE + "\n"
                "                effects += tuple(e.Show(e.Pattern(verdict.light.value), reader, verdict.n)"
                " for (reader, _), tap in state.taps.items() if tap.n == verdict.n and verdict.inc == state.inc)",
            ),
        ),
    ),
    Bug(
        "a question stays open after its time-out",
        (
            Edit(
                "edge.station",
                "    return _answer_alone(replace(state, waiting=remaining), tuple(",
                "    return _answer_alone(replace(state, waiting=remaining and state.waiting), tuple(",
            ),
        ),
    ),
    Bug(
        "a later scan is stored before one that waits",
        (
            Edit(
                "edge.station",
                "        state, effects = _answer_alone(replace(state, waiting=()), (*open_scans, scan), now_ms)",
                "        state, effects = _answer_alone(state, (*open_scans[:0], scan), now_ms)",
            ),
        ),
    ),
    Bug(
        "what the hub has answered is never archived",
        (Edit("edge.station", "    return e.Store(state.answered, (", "    return e.Store((), ("),),
    ),
    Bug(
        "an orderly stop forgets what is in memory",
        (Edit("edge.loop", "        if state.answered or state.unsaved:", "        if not state.inc:"),),
    ),
    Bug(
        "an answer that is lower is ignored",
        (
            Edit(
                "edge.loop",
                "        self._lines.update({line.inc: line for line in effect.lines})\n"
                "        return e.Backlog(parts.outbox.settle(effect.lines))",
                "        higher = tuple(line for line in effect.lines if line.n >= self._lines.get(line.inc, Line(line.inc)).n)\n"
                "        self._lines.update({line.inc: line for line in higher})\n"
                "        return e.Backlog(parts.outbox.settle(higher))",
            ),
        ),
    ),
    Bug(
        "a hole is not declared",
        (
            Edit(
                "edge.loop",
                "        clock = parts.clock.now()\n        message = ScanMessage(\n",
                "        records = [record for record in records if isinstance(record, Scan)]\n"
                "        clock = parts.clock.now()\n        message = ScanMessage(\n",
            ),
        ),
    ),
    Bug(
        "the backlog is sent newest first",
        (
            Edit(
                "edge.loop",
                "        if not records and len(effect.open) <= FEW_RECORDS:\n",
                "        records.reverse()\n        if not records and len(effect.open) <= FEW_RECORDS:\n",
            ),
        ),
    ),
    Bug(
        "a backlog waits for the next tap",
        (
            Edit(
                "edge.station",
                "    return not state.away and bool(state.waiting or state.backlog or state.unsaved)",
                "    return not state.away and bool(state.waiting)",
            ),
        ),
    ),
    Bug(
        "records of earlier lives are never asked for",
        (Edit("edge.loop", "max(mine.n, newest), mine.shown_n), *held.values()]", "max(mine.n, newest), mine.shown_n)]"),),
    ),
    Bug(
        "numbers begin again after a restart",
        (Edit("edge.loop", _BEGUN, _SAME_LIFE.replace(', int(parts.outbox.kept("n") or b"0")', "") + _BEGUN),),
    ),
    Bug(
        "numbers go on from a card that may lie",
        (Edit("edge.loop", _BEGUN, _SAME_LIFE + _BEGUN), Edit("edge.loop", _STEPPED, _KEEP_N)),
    ),
    Bug(
        "a hub that comes is not asked first",
        (Edit("edge.station", "replace(state, hub=hub, misses=MISSES_AWAY, settled_q=state.q)", "replace(state, hub=hub, misses=0)"),),
    ),
    Bug(
        "a door opens on request, without a challenge",
        (Edit("edge.orders", _CHALLENGE, _NO_CHALLENGE),),
    ),
    Bug(
        "a command is obeyed as often as it comes",
        (
            Edit("edge.orders", _STALE, _STALE.replace(" or message.n <= state.command_n", "")),
            Edit("edge.orders", _CHALLENGE, _NO_CHALLENGE),
        ),
    ),
    Bug(
        "a retained command opens a door",
        (
            Edit("edge.orders", _STALE, "    if message.n < 0:"),
            Edit("edge.orders", _CHALLENGE, _NO_CHALLENGE),
            Edit(
                "hub.link",
                "codec.encode(message), qos=topics.qos(kind))\n\n    # --- scans",
                "codec.encode(message), qos=topics.qos(kind), retain=kind is Kind.COMMAND)\n\n    # --- scans",
            ),
        ),
    ),
    Bug(
        "a challenge never grows old",
        (Edit("edge.orders", " != (reader, nonce) or now_ms > until_ms:", " != (reader, nonce):"),),
    ),
    Bug(
        "a grant never grows old",
        (
            Edit("edge.station", _DOOR_AGE, _DOOR_AGE.replace(" or now_ms - question.asked_ms > GRANT_MAX_AGE_MS", "")),
            Edit("hub.link", "        if self._elapsed_us(reply) > GRANT_MAX_AGE_US:", "        if self._elapsed_us(reply) < 0:"),
        ),
    ),
    Bug(
        "a stranger is accepted while the hub is away",
        (
            Edit(
                "edge.policy",
                "    if known is None or not any(_good(row, question) for row in rows):",
                "    if known is None or (rows and not any(_good(row, question) for row in rows)):",
            ),
        ),
    ),
)
