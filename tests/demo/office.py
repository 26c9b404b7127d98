"""The office at work while the hub is stopped: the acts of a plan as real `preau-hub` commands.

It knows the command line and no rule: what an act comes to is for the reckoning to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.core.calendar import instant_ms
from tests.demo.fortnight import Act
from tests.demo.pace import ZONE
from tests.demo.town import Town, TownError

NOW_ONLY = {"check", "files", "settle", "setup", "tariff"}
"""Commands that take no instant of an exercise."""


@dataclass(slots=True)
class Office:
    """Whoever acts in a town. `done`: what was not refused, in order; `said`: what each command printed, by its words."""

    town: Town
    done: list[Act] = field(default_factory=list)
    said: dict[tuple[str, ...], str] = field(default_factory=dict)
    _numbers: dict[str, str] = field(default_factory=dict)

    async def act(self, acts: Sequence[Act]) -> None:
        """One after the other. Raises TownError for one that is refused and should not be, and for the contrary."""
        for act in acts:
            words = [await self._meant(word) for word in act.words]
            if act.words[0] not in NOW_ONLY:
                words += ["--at-ms", str(instant_ms(act.day, 0, ZONE) + act.at_s * 1000)]
            if act.refused:
                await self._refused(words, act.refused)
                continue
            self.said[act.words] = said = await self.town.command(*words)
            self.done.append(act)
            if act.label:
                self._numbers[f"#{act.label}"] = said.split("number ")[-1].split()[0]

    async def _refused(self, words: Sequence[str], sentence: str) -> None:
        try:
            await self.town.command(*words)
        except TownError as refusal:
            if sentence in str(refusal):
                return
            raise
        raise TownError(f"`{' '.join(words)}` was done, and should have been refused: {sentence}")

    async def _meant(self, word: str) -> str:
        """A wallet's communication for who it is of, an act's number for its label; any other word means itself."""
        if word.startswith("@") and word not in self._numbers:
            for line in (await self.town.command("wallet", "list")).splitlines():
                reference, site, owner, *_ = line.split("  ")
                self._numbers[f"@{site}/{owner}"] = reference
        return self._numbers[word] if word.startswith(("@", "#")) else word
