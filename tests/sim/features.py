"""Which of the rules had anything to say in a world: counted from its journal at the end, for a rule that never spoke is not proved."""

from collections import Counter
from collections.abc import Iterable, Iterator

from hub.core import facts as f
from hub.core.codes import Justification, Reason, Stage
from hub.core.facts import Fact
from hub.core.whys import Rule
from tests.sim.setting import CARE, PARC, STUDY, TOGETHER_CENTS, Feature, Setting, Study, own_family


def features(facts: Iterable[Fact], setting: Setting) -> Counter[str]:
    """How often each of them was seen."""
    seen = _Seen(setting)
    return Counter(feature.value for fact in facts for feature in seen.of(fact))


class _Seen:
    """What has to be remembered of earlier facts."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._missed: set[tuple[int, int]] = set()
        self._deferred: set[tuple[int, int, int]] = set()
        self._priced_again, self._moved = 0, 0
        self._tapped = (0, 0)
        self._wallets: dict[int, f.WalletOpened] = {}
        self._emptied: set[int] = set()

    def of(self, fact: Fact) -> Iterator[Feature]:
        match fact:
            case f.ScanTaken():
                self._tapped = (fact.ask, fact.pupil)
            case f.Charged():
                yield from self._charged(fact)
                yield from self._priced(fact)
            case f.Reversed():
                self._priced_again = fact.ask if fact.reason is Reason.CORRECTED else 0
                self._moved = fact.ask if fact.reason is Reason.OTHER_PAYER else 0
                yield from [Feature.REPAID] if self._moved else []
            case f.WalletOpened():
                self._wallets[fact.wallet] = fact
            case f.Transferred() if fact.reason is Reason.POLICY:
                yield from self._regrouped(fact)
            case f.Transferred() if fact.reason is Reason.SAME_FAMILY:
                yield Feature.ONE_FAMILY_LATER if fact.source in self._emptied else Feature.ONE_FAMILY
                self._emptied.add(fact.source)
            case f.MealReserved():
                key = (fact.pupil, fact.site, fact.day)
                yield from [Feature.ORDER_REPAID] if fact.ask == self._moved else []
                yield from [Feature.DEFERRED] if key in self._deferred and not fact.deferred else []
                (self._deferred.add if fact.deferred else self._deferred.discard)(key)
            case f.StayOpened() | f.StayClosed():
                yield from self._stay(fact)
            case f.MorningNoted() | f.MorningJustified():
                yield from self._morning(fact)

    def _charged(self, fact: f.Charged) -> Iterator[Feature]:
        if fact.stage is Stage.PILOT:
            yield Feature.PILOT
        if fact.payer != own_family(fact.pupil) and not self._setting.afterwards:
            yield Feature.OTHER_PAYER
        if fact.why.rule is Rule.ABSENCE:
            yield Feature.ABSENT
        elif fact.item == STUDY and self._setting.study is Study.WITHIN:
            yield Feature.NESTED
        if fact.reason is Reason.PROMISED:
            yield Feature.PROMISED
        if fact.item == STUDY and fact.ask == self._priced_again and fact.why.terms and fact.why.terms.file:
            yield Feature.FILED

    def _priced(self, fact: f.Charged) -> Iterator[Feature]:
        """By another rule than the usual one."""
        terms = fact.why.terms
        if terms is None or fact.item not in {CARE, STUDY}:
            return
        if terms.parts:
            yield Feature.BANDS
        if terms.rate_ppm and terms.file:
            yield Feature.EFFORT
        if terms.percent and fact.item == CARE:
            yield Feature.YOUNGER
        if terms.rank and fact.ask == self._tapped[0] and fact.pupil != self._tapped[1]:
            yield Feature.KIN
        if terms.group and terms.before_cents and fact.cents == max(TOGETHER_CENTS - terms.before_cents, 0):
            yield Feature.FULL

    def _regrouped(self, fact: f.Transferred) -> Iterator[Feature]:
        source, target = self._wallets[fact.source], self._wallets[fact.target]
        if source.site == PARC and bool(source.pupil) is not bool(target.pupil):
            yield Feature.TO_PUPIL if target.pupil else Feature.TO_HOUSEHOLD

    def _stay(self, fact: f.StayOpened | f.StayClosed) -> Iterator[Feature]:
        if fact.programme != STUDY:
            return
        expected = self._setting.is_expected(fact.pupil, fact.day)
        if self._setting.study is Study.AUTO and expected:
            yield Feature.AUTO
        elif self._setting.study is Study.WITHIN and not expected:
            yield Feature.STRANGER

    def _morning(self, fact: f.MorningNoted | f.MorningJustified) -> Iterator[Feature]:
        if isinstance(fact, f.MorningJustified):
            yield from [Feature.JUSTIFIED] if fact.state is Justification.JUSTIFIED else []
            return
        key = (fact.pupil, fact.day)
        if not fact.arrived_ms:
            self._missed.add(key)
            yield Feature.MISSED
        elif key in self._missed:
            yield Feature.CAME_AFTER_ALL
        if fact.late_min:
            yield Feature.LATE
