# Everything a developer runs. Needs Python 3.11 and make; what else it takes
# is installed into .venvs on the way.

PYTHON ?= python3.11
STAGE = $(PYTHON) -m tests.harness.stage
VENVS = $(PYTHON) tests/harness/venvs.py

.PHONY: demo serve test long test-all services matrix tempest soak bench lint \
    audit docs cover release-check clean

# A real Glance with the extension, shown step by step.
demo:
	$(PYTHON) -m tests.harness.demo

# The same Glance, left running until Ctrl-C.
serve:
	$(PYTHON) -m tests.harness.demo --serve

# Everything that needs no outside service, but for what "make long" runs.
test:
	$(VENVS) glance-33 client lint >/dev/null
	$(STAGE) unit functional lint

# What takes long: it kills processes, waits until they count as dead, or
# runs a program for every case.
long:
	$(STAGE) long

# Also what needs real services; absent ones are skipped by name.
test-all:
	$(STAGE) unit functional lint long services

services:
	$(STAGE) services

# The functional tests on Glance 28 to 33; SMOKE=1 for some, on three.
matrix:
	$(STAGE) $(if $(filter 1,$(SMOKE)),smoke,matrix)

# Tempest's image tests against a real Keystone and a real Glance.
tempest:
	$(STAGE) tempest

# The long forms.
soak:
	$(STAGE) soak audit

# The measurements; SUBJECTS chooses some.
bench:
	"$$($(VENVS) glance-33)/bin/python" -m bench $(SUBJECTS)

lint:
	$(STAGE) lint

# Known vulnerabilities in what the newest Glance runs with. Skipped where no
# list of them can be reached; part of "make soak".
audit:
	$(STAGE) audit

# The guides, the API reference and the release notes.
docs:
	$(STAGE) docs

# The lines that the tests reach, also those in the servers that they start.
cover:
	$(STAGE) cover

# The sdist and the wheel, and the installation guide with each Glance.
release-check:
	$(STAGE) release

clean:
	rm -rf .venvs .stestr .mypy_cache .ruff_cache .hypothesis build dist \
	    doc/build api-ref/build releasenotes/build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
