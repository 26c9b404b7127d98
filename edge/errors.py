"""The errors of this package, as one tree. Foreign exceptions become one of these in the one module that imports their library.

EdgeError
├── ReaderGoneError   a reader was unplugged or cannot be opened (readers/)
├── StoreError        the outbox could not be written or made durable (outbox.py): no light may promise anything
├── PinsError         the lamps' or the relay's pins cannot be driven (outputs.py)
└── StartError        the device cannot start with these settings; the text says what to do
"""


class EdgeError(Exception):
    """Anything this package raises on purpose."""


class ReaderGoneError(EdgeError):
    """The reader is not there, or not ours to open; try again later."""


class StoreError(EdgeError):
    """A record is not on disk. `fatal`: the card fails, the process has to end at once; else it is only full and may have room again."""

    def __init__(self, text: str, *, fatal: bool) -> None:
        super().__init__(text)
        self.fatal = fatal


class PinsError(EdgeError):
    """The outputs cannot be driven: wrong pin factory, pin in use, no permission."""


class StartError(EdgeError):
    """The program cannot start as configured."""
