"""Lamps, buzzer and door relays: plays what it is told, and decides nothing. The only room that knows gpiozero.

One thread owns all pins. It plays the table of patterns.py and ends each door pulse by its own deadline on a monotonic clock.
Without pins (`pins = "none"`) there is no thread and gpiozero is never imported; the trace is written all the same.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from edge.errors import PinsError, StartError
from edge.events import Pattern
from edge.patterns import DARK, SCORES, Lamp, Step, step_at
from edge.settings import OutputSettings, ReaderSettings
from proto.messages import MAX_PULSE_MS

JOIN_S = 2.0
"""How long close() waits for the thread that owns the pins; it sleeps only in waits that close() ends."""

log = logging.getLogger(__name__)


class Outputs:
    """The outputs of one device. `mono_ms` is the device's monotonic clock (edge.clock). Raises PinsError for pins, StartError for a trace.

    Everything is off at the start, after close(), and when the owning thread fails; after that show() and pulse() raise PinsError.
    """

    def __init__(self, settings: OutputSettings, readers: Sequence[ReaderSettings], mono_ms: Callable[[], int]) -> None:
        self._mono_ms = mono_ms
        self._trace = _opened(settings.trace) if settings.trace else None
        try:
            self._pins = None if settings.pins == "none" else Pins(settings, readers)
        except PinsError:
            _close(self._trace)
            raise
        self._wake = threading.Condition()
        self._closing = False
        self._failed = ""
        self._playing: tuple[Pattern, int] | None = None
        self._away_since_ms: int | None = None
        self._doors: dict[str, tuple[int, int]] = {}  # reader: on since, on until
        self._thread = threading.Thread(target=self._own, name="outputs", daemon=True) if self._pins else None
        if self._thread:
            self._thread.start()

    def show(self, pattern: Pattern, reader: str = "", **marks: str | int) -> None:
        """Play a pattern from now on, in place of the one that plays. AWAY stays behind the others until READY.

        `marks` (e.g. inc and n of the scan) go into the trace only.
        """
        now_ms = self._write(pattern.value, reader, marks)
        with self._wake:
            if pattern is Pattern.AWAY:
                self._away_since_ms = now_ms if self._away_since_ms is None else self._away_since_ms
            elif pattern is Pattern.READY:
                self._away_since_ms = None
            # Neither of these two is an answer to a person: they never cut one short.
            quiet = pattern is Pattern.AWAY or (pattern is Pattern.READY and self._playing is not None)
            if not quiet:
                self._playing = (pattern, now_ms)
            self._wake.notify()

    def pulse(self, reader: str, ms: int, **marks: str | int) -> None:
        """Pull the door relay of this reader for `ms`; while it is on, a further pulse extends it, up to MAX_PULSE_MS in all."""
        if self._pins and reader not in self._pins.doors:
            raise PinsError(f"reader `{reader}` has no `door_pin`: set it, or take the door from its configuration at the hub")
        now_ms = self._write("pulse", reader, {"ms": ms, **marks})
        with self._wake:
            since_ms, until_ms = self._doors.get(reader, (now_ms, now_ms))
            self._doors[reader] = (since_ms, min(max(until_ms, now_ms + ms), since_ms + MAX_PULSE_MS))
            self._wake.notify()

    def close(self) -> None:
        """Everything off, relays first; the pins are given back."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread:
            self._thread.join(JOIN_S)
        _close(self._trace)

    def _write(self, pattern: str, reader: str, marks: dict[str, str | int]) -> int:
        if self._failed:
            raise PinsError(f"the outputs stopped: {self._failed}")
        now_ms = self._mono_ms()
        if self._trace:
            # Before the light: what a person may have seen is in the trace, also after a kill -9. Microseconds are for the stopwatch.
            mono_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
            self._trace.write(json.dumps({"mono_ms": now_ms, "mono_us": mono_us, "reader": reader, "pattern": pattern, **marks}) + "\n")
        return now_ms

    # --- the thread that owns the pins -----------------------------------------------------------

    def _own(self) -> None:
        assert self._pins
        try:
            with self._wake:
                while not self._closing:
                    self._wake.wait(self._apply(self._pins))
        except Exception as error:
            # A lamp that fails must not leave a door open: all off below, and the next show() tells the loop.
            self._failed = str(error) or type(error).__name__
            log.exception("the outputs stopped")
        finally:
            self._pins.off()

    def _apply(self, pins: "Pins") -> float | None:
        """Drive the pins as they have to be now; seconds until that changes by itself, None for never."""
        now_ms = self._mono_ms()
        self._doors = {reader: times for reader, times in self._doors.items() if times[1] > now_ms}
        waits_ms = [until_ms - now_ms for _, until_ms in self._doors.values()]
        pins.open_doors(set(self._doors))
        step, left_ms = self._due(now_ms)
        pins.play(step)
        if left_ms is not None:
            waits_ms.append(left_ms)
        return min(waits_ms) / 1000 if waits_ms else None

    def _due(self, now_ms: int) -> tuple[Step, int | None]:
        if self._playing:
            pattern, since_ms = self._playing
            found = step_at(SCORES[pattern], now_ms - since_ms)
            if found:
                return found
            self._playing = None
        if self._away_since_ms is not None:
            found = step_at(SCORES[Pattern.AWAY], now_ms - self._away_since_ms)
            if found:
                return found
        return DARK, None


class Pins:
    """The pins of one device through gpiozero, all off. Used by one thread at a time. Raises PinsError."""

    def __init__(self, settings: OutputSettings, readers: Sequence[ReaderSettings]) -> None:
        self.lamps: dict[Lamp, Any] = {}
        self.doors: dict[str, Any] = {}
        self.buzzer: Any = None
        self._playing = DARK
        self._open: set[str] = set()
        try:
            self._factory = _factory(settings.pins)
            try:
                self._claim(settings, readers)
            except BaseException:
                self.off()
                raise
        except Exception as error:
            # gpiozero, lgpio and the kernel each raise their own kinds; whichever it is, this device cannot light a lamp.
            raise PinsError(f'pins = "{settings.pins}": {error or type(error).__name__}; {_ADVICE}') from error

    def _claim(self, settings: OutputSettings, readers: Sequence[ReaderSettings]) -> None:
        from gpiozero import DigitalOutputDevice, PWMOutputDevice

        # Relays first: until it is claimed, a line is whatever the reset made of it.
        for reader in readers:
            if reader.door_pin is not None:
                _take_at_rest(self._factory, reader.door_pin)
                self.doors[reader.id] = DigitalOutputDevice(
                    reader.door_pin, active_high=reader.door_active_high, initial_value=False, pin_factory=self._factory
                )
        numbers = {Lamp.ACCEPTED: settings.accepted, Lamp.LOOK: settings.look, Lamp.ADULT: settings.adult}
        for lamp, number in numbers.items():
            if number is not None:
                self.lamps[lamp] = DigitalOutputDevice(number, initial_value=False, pin_factory=self._factory)
        if settings.ring is not None:
            self.lamps[Lamp.RING] = PWMOutputDevice(settings.ring, initial_value=0, pin_factory=self._factory)
        if settings.buzzer is not None:
            self.buzzer = PWMOutputDevice(settings.buzzer, initial_value=0, pin_factory=self._factory)

    def play(self, step: Step) -> None:
        """Drive lamps and buzzer as this step says; nothing is touched that stays as it is."""
        if step == self._playing:
            return
        for lamp, pin in self.lamps.items():
            level = 0 if lamp not in step.lamps else step.level if lamp is Lamp.RING else 1
            if pin.value != level:
                pin.value = level
        if self.buzzer and step.tone_hz != self._playing.tone_hz:
            if step.tone_hz:
                self.buzzer.frequency = step.tone_hz
            self.buzzer.value = 0.5 if step.tone_hz else 0
        self._playing = step

    def open_doors(self, readers: set[str]) -> None:
        """Relays of these readers on, all others off."""
        for reader in self._open ^ readers:
            self.doors[reader].value = reader in readers
        self._open = set(readers)

    def off(self) -> None:
        """Everything off, relays first, then give the pins back.

        gpiozero turns a closed line into an input without a pull (hardware.md, 2.4): a relay needs a resistor of its own.
        """
        devices = [*self.doors.values(), *self.lamps.values(), *([self.buzzer] if self.buzzer else [])]
        for act in [device.off for device in devices] + [device.close for device in devices] + [self._factory.close]:
            try:
                act()
            except Exception:  # one dead pin must not keep the next one on
                log.exception("an output could not be switched off")


_ADVICE = "check the numbers, that the user is in group gpio, and that LG_WD names a folder that can be written (lgpio keeps a pipe there)"


def _factory(pins: str) -> Any:
    """Exactly the factory that was asked for: gpiozero's own chain would fall back to one that drives nothing, with a warning only."""
    if pins == "mock":
        from gpiozero.pins.mock import MockFactory, MockPWMPin

        return MockFactory(pin_class=MockPWMPin)
    from gpiozero.pins.lgpio import LGPIOFactory

    return LGPIOFactory()


def _take_at_rest(factory: Any, number: int) -> None:
    """Let this pin become an output with its level at once.

    gpiozero takes it low and sets the level afterwards: a relay that is on when low would click at each start (its own pins.Pin says that
    `output_with_state` is there to be made better; for lgpio nobody has).
    """
    if not hasattr(factory, "chip"):  # the mock's pins are at rest when they are taken
        return
    from gpiozero.pins.lgpio import lgpio

    handle = factory._handle  # noqa: SLF001 - shown nowhere else
    factory.pin(number).output_with_state = lambda state: lgpio.gpio_claim_output(handle, number, int(state))


def _opened(path: str) -> TextIO:
    try:
        return Path(path).open("a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise StartError(f"key `outputs.trace`: {path} cannot be written: {error.strerror}") from error


def _close(trace: TextIO | None) -> None:
    if trace:
        trace.close()
