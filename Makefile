# Manul. `make help` says what there is; every target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PHOTOS ?=
DATA ?= ../shared/photos
PYTEST_FLAGS ?= -n 2

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# What `make run` needs is a third of what the tests need: a newcomer waits for no more than that.
$(VENV)/.runs: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c requirements.lock -e '.[sim]'
	@touch $@

$(VENV)/.ready: $(VENV)/.runs
	$(PIP) -c requirements.lock -e '.[dev]'
	@touch $@

TYPINGS := .cache/typings
$(TYPINGS)/.ready: | $(VENV)/.ready
	$(PIP) --upgrade --target $(TYPINGS) \
		micropython-rp2-rpi_pico-stubs==1.27.0.post1 micropython-stdlib-stubs==1.27.0.post2
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready ## make .venv with everything for development

.PHONY: run
run: $(VENV)/.runs ## a night at a six-trap site, pulled and reported (PHOTOS=DIR for your own photographs)
	$(BIN)/manul sim night --to build/night $(if $(PHOTOS),--photos '$(PHOTOS)')

.PHONY: test
test: check ## make check, then every test that needs no virtual machine
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

.PHONY: check
check: $(VENV)/.ready $(TYPINGS)/.ready ## ruff, mypy, import-linter, stale pins, copied code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tools/board-mypy.ini
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/pins.py --check
	$(BIN)/python tools/copies.py

.PHONY: format
format: $(VENV)/.ready ## ruff's formatting and safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: pins
pins: ## write the constants, the table and the overlay from hardware/pins.toml
	$(PYTHON) tools/pins.py

.PHONY: micropython
micropython: $(VENV)/.ready ## have npm fetch the MicroPython that the tests run the supervisor under
	$(BIN)/python -m tests.micropython.engine

.PHONY: drawings
drawings: $(VENV)/.ready ## draw hardware/ anew (pip: manul[drawings]; Debian: graphviz)
	$(PIP) -e '.[drawings]'
	$(BIN)/python hardware/latch/draw.py
	cd hardware/wiring && ../../$(BIN)/wireviz -f s -p parts.yml power.yml signals.yml

.PHONY: latch
latch: ## print every figure of the latch's simulation (Debian: ngspice)
	$(PYTHON) hardware/latch/simulate.py

.PHONY: bench
bench: $(VENV)/.ready ## measure against named peers; figures go to docs/benchmarks.md by hand
	$(BIN)/python -m pytest tests/bench/bench_*.py -q -o addopts=--import-mode=importlib -o timeout=1800

.PHONY: supervisor
supervisor: $(VENV)/.ready ## build manul-supervisor.uf2: MicroPython from Debian's sources, the supervisor frozen in
	$(BIN)/python -m tools.rp2040.firmware

.PHONY: image
image: $(VENV)/.ready ## build/manul.img: a bootable arm64 card from Debian packages (as root; docs/image.md)
	$(PYTHON) -m tools.image

.PHONY: test-rp2040
test-rp2040: $(VENV)/.ready ## the supervisor's whole firmware, built and booted in an emulated RP2040 (docs/supervisor.md)
	$(BIN)/python -m pytest tests/rp2040 -o addopts= -o timeout=900 --import-mode=importlib -p no:xdist -ra $(RP2040)

.PHONY: test-stock
test-stock: $(VENV)/.ready ## a prepared stock card started under a real systemd, and units that come by the cable (as root, 2 min)
	$(BIN)/python -m pytest tests/stock -o addopts= --import-mode=importlib -p no:xdist -ra

# Its own step: needs root, QEMU and up to 20 minutes. SYSTEM='-k pulse' runs a part; MANUL_IMAGE=DIR tests an image built before.
.PHONY: test-system
test-system: $(VENV)/.ready ## the firmware in an emulated ARM machine: kernel GPIO, I2C, USB, libcamera (docs/system-test.md)
	$(BIN)/python -m pytest tests/rp2040 tests/system -o addopts= -o timeout=1800 --import-mode=importlib -n 2 --dist loadfile --no-loadscope-reorder -ra --durations=0 $(SYSTEM)

# STEPS=20 goes through every step of it in a few minutes; what it makes is no detector to take outside.
.PHONY: model
model: $(VENV)/.ready ## train, quantise and measure a detector from DATA=DIR into build/model (CPU, an hour; STEPS=20 to try it)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train]'
	$(BIN)/python -m models.build all --data '$(DATA)' --models '$(DATA)/../models' --to build/model $(if $(STEPS),--steps $(STEPS))
	$(BIN)/manul model check build/model/manul-s

.PHONY: clean
clean: ## remove what the targets made
	rm -rf build $(VENV)
