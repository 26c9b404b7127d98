"""The version of device and hub, which are released together.

A constant, because reading it from the package's metadata takes a fifth of a device's start.
"""

VERSION = "0.1.0"
