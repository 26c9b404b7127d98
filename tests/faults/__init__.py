"""`make faults`: what the world does to the real programs, and what must hold all the same."""
