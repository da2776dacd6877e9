# Everything that a person or CI does with the project. Each target sets up what it needs.

# Debian's own where it serves, whatever else PATH holds: a service runs with it, and it is built to
# be quick, as many a Python that somebody compiled is not (the tests take a tenth more with those).
DEBIAN_PYTHON := $(shell /usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo /usr/bin/python3)
PYTHON ?= $(or $(DEBIAN_PYTHON),python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEBIAN_PACKAGES := dovecot-imapd chromium-headless-shell systemd fonts-noto-core fonts-droid-fallback

# The tests start the program hundreds of times: it must not be compiled anew each time.
export PYTHONDONTWRITEBYTECODE :=
# One for the tests that wait (tests/dealing.py), and three that compute on the two cores that most
# machines have: with two of them a fourteenth of the cores' time was left over.
WORKERS ?= 4
# Where there is room, in memory: the tests wait for thousands of fsyncs, and a process that is
# killed loses nothing there either.
SCRATCH := $(shell df --output=avail,target -BG /dev/shm 2>/dev/null | awk '$$1 + 0 >= 4 {print $$2}')
PYTEST := $(if $(SCRATCH),TMPDIR=$(SCRATCH)) $(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal

.PHONY: help demo test pictures check docs style format types test-long crash-test bench templates lock clean debian install audit sbom words

help:
	@echo "make demo        set up, and watch letters being read, sorted and acknowledged"
	@echo "make test        set up (Debian packages too), and run every check and test"
	@echo "make check       the fast part: format, lint, types, import contracts"
	@echo "make test-long   every test, and those that take minutes, with ten times the examples"
	@echo "make pictures    a picture of every page, wide and narrow, light and dark"
	@echo "make crash-test  1,000 kills of the daemon, and what became of the letters"
	@echo "make bench       measure speed, memory and cost against the goals (SIZE=full: an hour)"
	@echo "make format      put the code in its one format"
	@echo "make install     as root: the program, its units and folders (docs/operations/install.md)"
	@echo "make audit       look up every locked version among the known vulnerabilities"
	@echo "make sbom        list every part of the program, as CycloneDX"
	@echo "make docs        the documentation as pages, into site/"
	@echo "make templates   check the shipped templates, and list those that are well"
	@echo "make words       gather the texts of the pages for translators, and compile their work"
	@echo "make lock        write the locks anew from pyproject.toml"
	@echo "make clean       remove what the targets above made"

# Says what is missing of Python.
define python
command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Name another one: make PYTHON=python3.12 ..."; exit 1; }
endef

# Makes a virtual environment with a pip of its own, or says what is missing for it.
define environment
$(python); \
test -x $(1)/bin/pip || $(PYTHON) -m venv $(1) || { rm -rf $(1); echo "A virtual environment cannot be made: apt-get install python3-venv"; exit 1; }
endef

PIP_INSTALL := install --quiet --disable-pip-version-check
PIP := $(BIN)/python -m pip $(PIP_INSTALL)
UV := $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python

# uv takes seconds where pip takes a minute or two; where it cannot be had, pip does the same. To
# give the environment a pip takes longer than all the rest: Python's own gets uv, where it has one.
$(READY): requirements.lock requirements.setup.lock pyproject.toml
	@$(python)
	@echo "Installing the locked versions (once) ..."
	@{ { test -x $(BIN)/python || $(PYTHON) -m venv --without-pip $(VENV); } \
		&& $(PYTHON) -m pip --python $(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements.setup.lock; } >/dev/null 2>&1 \
		|| { $(call environment,$(VENV)); $(PIP) --require-hashes -r requirements.setup.lock 2>/dev/null; } || true
	@{ $(UV) --require-hashes -r requirements.lock && $(UV) --no-deps --no-build-isolation --editable .; } 2>/dev/null \
		|| { $(call environment,$(VENV)); $(PIP) --require-hashes -r requirements.lock \
		&& $(PIP) --no-deps --no-build-isolation --editable .; }
	@touch $@

demo: $(READY)
	@$(BIN)/inboxbot demo || [ $$? = 130 ]  # Ctrl-C is its end

debian:
	@missing=$$(for p in $(DEBIAN_PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ]; then \
			echo "Installing Debian packages:" $$missing; \
			apt-get -o DPkg::Lock::Timeout=300 update -qq && \
			DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $$missing >/dev/null; \
		else \
			echo "The tests talk to real servers and a real browser. Install them with:"; \
			echo "  sudo apt-get install --no-install-recommends" $$missing; \
			exit 1; \
		fi; \
	fi

check: style types

style: $(READY)
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .

types: $(READY)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Open site/index.html"

words: $(READY)
	@$(BIN)/python -m tools.words

# Compiles the program, its libraries and the tests in one process: else each of those that share the
# tests would, at the same time.
COMPILED := $(VENV)/.compiled
$(COMPILED): $(READY)
	@$(BIN)/pytest --collect-only --quiet >/dev/null 2>&1 || true  # The tests tell what is wrong.
	@touch $@

# Debian's packages take half a minute to install: what needs none of them goes on meanwhile. Types
# are checked beside all else: alone, they would leave a core idle.
TYPES := build/types.log
test:
	@mkdir -p $(dir $(TYPES)); \
	$(MAKE) --no-print-directory debian & debian=$$!; \
	$(MAKE) --no-print-directory style || { wait $$debian; exit 1; }; \
	$(MAKE) --no-print-directory types >$(TYPES) 2>&1 & types=$$!; \
	$(MAKE) --no-print-directory $(COMPILED); \
	wait $$debian || exit 1; \
	$(PYTEST) -m "not long"; tests=$$?; \
	wait $$types; types=$$?; cat $(TYPES); \
	[ $$types = 0 ] || echo "Types or import contracts are broken: see above."; \
	[ $$tests = 0 ] || echo "Tests failed: see above."; \
	[ $$types$$tests = 00 ]

# The pages are looked at by people; taking pictures in every run would cost half a minute.
pictures: debian $(READY)
	@PICTURES=1 $(PYTEST) --quiet tests/browser
	@echo "Look into tests/output/screens"

test-long: debian $(READY)
	@HYPOTHESIS_PROFILE=long $(PYTEST)

crash-test: debian $(READY)
	@$(BIN)/python -m tests.crash.harness --kills 1000 --worlds 4

# quick takes about five minutes; it waits until the machine has little else to do.
SIZE ?= quick
bench: debian $(READY)
	@$(BIN)/python -m benchmarks $(SIZE)

templates: $(READY)
	@$(BIN)/python -m tests.checked_templates

lock: $(READY)
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --quiet --output-file requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --constraints requirements.lock \
		--generate-hashes --no-header --no-emit-index-url --quiet --output-file requirements.run.lock
	@echo uv | $(BIN)/uv pip compile - --universal --python-version 3.11 --constraints requirements.lock \
		--generate-hashes --no-header --no-emit-index-url --no-annotate --quiet --output-file requirements.setup.lock
	@echo hatchling | $(BIN)/uv pip compile - --universal --python-version 3.11 --constraints requirements.lock \
		--generate-hashes --no-header --no-emit-index-url --no-annotate --quiet --output-file requirements.build.lock
	@echo sqlcipher3 | $(BIN)/uv pip compile - --universal --python-version 3.11 --constraints requirements.lock \
		--generate-hashes --no-header --no-emit-index-url --no-annotate --quiet --output-file requirements.sqlcipher.lock

# What builds the program, and no more: a server needs no development tools.
BUILDER := build/builder
$(BUILDER)/.ready: requirements.build.lock
	@$(call environment,$(BUILDER))
	@$(BUILDER)/bin/python -m pip $(PIP_INSTALL) --require-hashes -r requirements.build.lock
	@touch $@

# SQLCIPHER=yes installs what encrypts the database; an upgrade keeps it.
CIPHER := $(if $(SQLCIPHER)$(wildcard /opt/inboxbot/lib/python3*/site-packages/sqlcipher3),requirements.sqlcipher.lock)
install: $(BUILDER)/.ready
	@test "$$(id -u)" = 0 || { echo "Run it as root: sudo make install"; exit 77; }
	@echo "Building and installing the program with the locked versions of its parts (a minute or two) ..."
	@rm -rf build/wheel
	@$(BUILDER)/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	@PYTHON=$(PYTHON) systemd/install.sh program build/wheel/*.whl requirements.run.lock $(CIPHER)
	@systemd/install.sh files
	@echo "Installed. Next: /etc/inboxbot/inboxbot.toml and docs/operations/install.md"

TOOLS := build/tools
$(TOOLS)/.ready:
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip $(PIP_INSTALL) "pip-audit>=2.9,<3" "cyclonedx-bom>=7,<8"
	@touch $@

audit: $(TOOLS)/.ready
	@$(PYTHON) tools/audit.py $(TOOLS)/bin/pip-audit requirements.run.lock requirements.sqlcipher.lock

sbom: $(TOOLS)/.ready
	@mkdir -p dist
	@$(TOOLS)/bin/cyclonedx-py requirements requirements.run.lock --pyproject pyproject.toml \
		--output-reproducible --output-file dist/inboxbot.cdx.json
	@echo dist/inboxbot.cdx.json

clean:
	@rm -rf $(VENV) build dist site tests/output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
