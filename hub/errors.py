"""The errors of this package, as one tree. Foreign exceptions become one of these in the one module that imports their library.

HubError
├── BackupError         a backup cannot be made, trusted or put in place; the text says what is untouched (backup.py)
├── BrokerError         the broker cannot be configured, started or reloaded; the text says what to do (broker.py)
├── KeyFileError        the master key cannot be read, made or trusted (keys.py)
├── ImportRefusedError  a file to set up from has bad lines; the text names each, and nothing was written (setup.py, imports.py)
├── RefusedError        a rule says no, or a name on the command line is nobody's; the text says why, nothing was booked (meant.py)
├── StartError          the hub cannot start with these settings or files; the text says what to do
│   ├── BusyError       another hub holds the data folder (folder.py)
│   └── DamageError     what is on disk is not what was written; the text names file and row (journal.py, walcheck.py, history.py)
└── RowError            an edit does not fit what is set up; nothing of it was written (register.py)
"""


class HubError(Exception):
    """Anything this package raises on purpose."""


class BackupError(HubError):
    """No backup, or none that can be trusted."""


class BrokerError(HubError):
    """No broker, or not with these accounts."""


class KeyFileError(HubError):
    """The master key's file is missing bytes, is readable by others, or cannot be written."""


class StartError(HubError):
    """The hub cannot start as configured."""


class BusyError(StartError):
    """Two hubs on one data folder: the second refuses."""


class DamageError(StartError):
    """What is on disk is not what was written: nothing is built on it."""


class RowError(HubError):
    """A row refers to something that is not there, or is there twice."""


class RefusedError(HubError):
    """What was asked for is not done, and the reason is a rule or an unknown name."""


class ImportRefusedError(HubError):
    """A file cannot be read in: every bad line is named, and nothing of it is used. `code`: of a file that is no list, for pages."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code
