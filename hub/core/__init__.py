"""What decides: values in, values out. No clock, no files, no sockets, no asyncio, no randomness (design.md, Two storeys)."""
