"""The version of device and hub: they are released together. A constant, because reading package metadata takes a fifth of a device's start."""

VERSION = "0.1.0"
