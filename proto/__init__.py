"""What both ends share: messages, codec, topics, badge codes, rosters, signatures, settings. Values in, values out.

This package does no I/O, reads no clock and keeps no state. Nothing here imports `edge` or `hub`.
"""
