"""One module for each kind of reader, and `framing`, which is pure: bytes or keys, however cut, to reads."""
