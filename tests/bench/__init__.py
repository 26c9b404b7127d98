"""The stopwatch (`make bench`): ratios measured side by side in one run, never asserted. Targets are those of the issue "Proof"."""
