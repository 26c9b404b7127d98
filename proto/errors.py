"""The errors of this package, as one tree.

ProtoError
├── TooLongError    ours: a message we built is larger than the wire allows
└── SettingsError   theirs: a settings file has an unknown or wrong key; names file, line and key

Bytes from the wire never raise: `codec.decode` returns `Rubbish` for them.
"""


class ProtoError(Exception):
    """Anything this package raises on purpose."""


class TooLongError(ProtoError):
    """A message built here would not fit the wire: a defect of ours, not of the sender."""


class SettingsError(ProtoError):
    """A settings file cannot be used; the text names the file, the line, the key and the mend."""
