"""A device on real kernel drivers: `make hil` boots Debian in QEMU and runs the real preau-edge there, against the real hub here.

The scanners are the kernel's own USB gadgets, the lamps and relays lines of gpio-sim. `image` builds what boots, once for each state of
scripts and packages; `machine` runs it; `porch` puts the device, a broker and the hub together for one test; `guest/` runs inside.
Nothing here tests rules or pages: the other folders do that, faster.
"""
