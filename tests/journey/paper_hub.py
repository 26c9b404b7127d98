"""A hub on paper: the real rules and books under the record rules of hub/link.py, without desk, journal, broker or clock."""

import itertools

from hub.core import scans
from hub.core.books import Books, replay
from hub.core.calendar import happened
from hub.core.facts import Facts, ScanTaken, derived, scan_ask
from hub.core.school import School
from hub.desk import Decide
from proto import codec, messages
from proto.messages import Hole, Line, Scan


class PaperHub:
    """School, books and every fact; each ask is committed at once. `roster`: the parts it hands out."""

    def __init__(self, school: School, roster: list[str]) -> None:
        self.school, self.roster = school, roster
        self.books, self.log, self.asks = Books(), list[Facts](), dict[int, Facts]()
        self.sessions: dict[str, str] = {}
        """Device -> the link session it is heard under."""
        self.up, self.life, self.backup = True, 1, 0

    def restore(self) -> None:
        """All since the last backup is gone."""
        del self.log[self.backup :]
        self.books, self.asks = replay(itertools.chain(*self.log)), {facts[0].ask: facts for facts in self.log}

    def hear(self, device: str, message: codec.Versioned, now_ms: int) -> list[codec.Versioned]:
        """One message; what is answered."""
        if not self.up or getattr(message, "session", "") != self.sessions.get(device):
            return []
        match message:
            case messages.WantPart():
                return [messages.RosterPart(version=message.version, part=message.part, body=self.roster[message.part])]
            case messages.Ask():
                return [self._settled(device, message, [line.inc for line in message.lines])]
            case messages.ScanMessage():
                return self._scans(device, message, now_ms)
        return []

    def _scans(self, device: str, message: messages.ScanMessage, now_ms: int) -> list[codec.Versioned]:
        verdicts: list[messages.Verdict] = []
        reported = not message.records
        for record in message.records:
            line = self.books.line(device, record.inc)
            reported |= isinstance(record, Hole) or record.shown is not None or record.n > line.n + 1
            if record.n > line.n + 1:
                break
            if isinstance(record, Hole):
                ask = derived(scan_ask(device, record.inc, record.n), f"hole|{record.to_n}")
                if record.to_n > line.n:
                    self._do(ask, scans.declare_hole, device, record, ask)
                continue
            arrived = self._arrived(device, message, record, now_ms)
            if record.n > line.n or record.shown is None:
                fact = self._do(arrived.ask, scans.take, arrived)[0]
                assert isinstance(fact, ScanTaken)
                verdicts += [] if record.shown else [messages.Verdict(record.inc, record.n, fact.light, fact.code)]
            elif record.n > line.shown_n and not record.shown.by_hub:
                self._do(derived(arrived.ask, "shown"), scans.book_shown, arrived)
        answers: list[codec.Versioned] = [messages.VerdictMessage(session=message.session, verdicts=verdicts)] if verdicts else []
        return [*answers, self._settled(device, message, [record.inc for record in message.records])] if reported else answers

    def _arrived(self, device: str, message: messages.ScanMessage, scan: Scan, now_ms: int) -> scans.Arrived:
        at_ms, err_ms = happened(
            same_boot=scan.boot == message.boot,
            age_ms=message.mono_ms - scan.mono_ms,
            arrived_ms=now_ms,
            wall_ms=scan.wall_ms,
            wall_err_ms=scan.err_ms,
        )
        return scans.Arrived(device, scan, at_ms, err_ms, now_ms)

    def _settled(self, device: str, message: messages.Ask | messages.ScanMessage, incs: list[str]) -> messages.Settled:
        lines = [Line(inc, line.n, line.shown_n) for inc in dict.fromkeys(incs) for line in (self.books.line(device, inc),)]
        return messages.Settled(session=message.session, q=message.q, lines=lines)

    def _do(self, ask: int, decide: Decide[...], *details: object) -> Facts:
        if ask not in self.asks:
            facts = decide(self.school, self.books, *details)
            assert isinstance(facts, tuple)
            for fact in facts:
                self.books.apply(fact)
            self.log.append(facts)
            self.asks[ask] = facts
        return self.asks[ask]
