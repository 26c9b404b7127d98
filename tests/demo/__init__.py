"""The demo: a made-up school on the real processes, with virtual scanners that send real bytes (`make demo`, `make day`)."""
