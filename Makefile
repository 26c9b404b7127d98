# Everything a fresh Debian 12 or 13 machine needs to run, test and show Préau. `make` alone is what to run before a commit.
# As root, missing Debian packages are installed; without root, one line names them and the work goes on.

# Debian's own interpreter, so that another python3 on the PATH changes nothing; `make PYTHON=/path/to/python3` for another.
PYTHON := /usr/bin/python3
PIP := .venv/bin/python -m pip --quiet --disable-pip-version-check install --no-deps
COMPILE := .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links
READY := .venv/ready

# evdev comes as source only (compiler and headers), WeasyPrint draws with Pango.
RUN_PACKAGES := python3-venv python3-dev gcc libc6-dev linux-libc-dev libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core
# What the stopwatch holds us against, and who counts what the kernel was asked for.
BENCH_PACKAGES := $(RUN_PACKAGES) postgresql strace
# A second broker, a real browser, a reader of PDF files, replayed scanners, a machine for the units.
TEST_PACKAGES := $(BENCH_PACKAGES) mosquitto chromium poppler-utils procps git umockdev systemd-container adduser e2fsprogs mount qemu-system-common
# A virtual machine with Debian's own kernel, and what builds one.
HIL_PACKAGES := $(RUN_PACKAGES) mosquitto qemu-system-x86 qemu-utils seabios ipxe-qemu mmdebstrap kmod e2fsprogs cpio xz-utils socat make linux-headers-amd64

# Ours, and not the shell’s: and a program that a test starts a hundred times is compiled once.
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV PYTHONDONTWRITEBYTECODE
.NOTPARALLEL:
.PHONY: test lint demo day bench sim mutants faults lock clean hil run-packages bench-packages test-packages

test: test-packages lint
	.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy --strict

demo: $(READY)
	@.venv/bin/python -m tests.demo $(if $(SPEED),--speed $(SPEED))

day: $(READY)
	@.venv/bin/python -m tests.demo.day $(if $(SPEED),--speed $(SPEED)) $(if $(SEED),--seed $(SEED))

bench: bench-packages $(READY)
	@.venv/bin/python -m tests.bench $(if $(PARTS),--parts $(PARTS))

faults: test-packages $(READY)
	@.venv/bin/python -m tests.faults $(PARTS) $(if $(SEED),--seed $(SEED))

sim: $(READY)
	@.venv/bin/python -m tests.sim $(if $(HOURS),--hours $(HOURS))

mutants: $(READY)
	@.venv/bin/python -m tests.sim.mutants $(if $(CPU),--cpu $(CPU))

# What builds comes first and is locked apart: with it in place, pip fetches nothing that has no hash.
$(READY): pyproject.toml requirements-build.lock requirements.lock | run-packages
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=/path/to/python3" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear .venv
	$(PIP) --require-hashes --only-binary :all: -r requirements-build.lock
	$(PIP) --require-hashes --no-build-isolation -r requirements.lock
	$(PIP) --no-build-isolation --editable .
	touch $@

run-packages:
	@sh provisioning/debian.sh $(RUN_PACKAGES)

bench-packages:
	@sh provisioning/debian.sh $(BENCH_PACKAGES)

test-packages:
	@sh provisioning/debian.sh $(TEST_PACKAGES)

hil: $(READY)
	@sh provisioning/debian.sh $(HIL_PACKAGES)
	@.venv/bin/pytest tests/hil --hil --durations=0

lock: $(READY)
	$(COMPILE) --group build -o requirements-build.lock
	$(COMPILE) --all-extras --constraint requirements-build.lock -o requirements.lock pyproject.toml

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist out
