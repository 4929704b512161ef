# Recipes of Kurslotse; .ci/run runs them as they are. A machine needs Python 3.11+ and make.
PYTHON ?= python3
HOME_FOLDER = $(or $(KURSLOTSE_HOME),.kurslotse)
VENV = .venv
RUN = $(VENV)/bin/python
INSTALL = $(RUN) -m pip install --disable-pip-version-check --no-input
RUNNABLE = $(VENV)/.runnable
READY = $(VENV)/.ready
MIGRATIONS = $(sort $(wildcard services/*/migrations/*.sql services/*/key_migrations/*.sql))
TESTS = tests/acceptance tests/faults tests/integration tests/contract tests/unit

.PHONY: help setup demo up down status test test-browser test-containers check fix bench clean
.PHONY: containers containers-parts containers-base containers-prepare containers-up containers-down containers-smoke containers-day
.DELETE_ON_ERROR:

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## install everything into .venv, what developers need too

$(RUNNABLE): requirements.lock pyproject.toml package-lock.json deploy/node.lock services/runtime/web/vendor.py
	@command -v $(PYTHON) >/dev/null || { echo "Kurslotse needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Kurslotse needs Python 3.11 or newer, this is $$($(PYTHON) --version); say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make virtual environments: install its venv package (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; }
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --quiet --no-deps --no-build-isolation -e .
	@echo "Bringing what the browser needs ..."
	@$(RUN) -m services.runtime.web.vendor
	@touch $@

$(READY): $(RUNNABLE) requirements-dev.lock
	@echo "Installing what developers and tests need (once) ..."
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(RUN) -m services.runtime.web.vendor --developers
	@touch $@

demo: $(RUNNABLE) ## play an invented Kreis until Ctrl-C; SECONDS=60 ends by itself
	@$(RUN) -m services.cli demo $(if $(SECONDS),--seconds $(SECONDS))

up: $(RUNNABLE) ## servers and services until Ctrl-C
	@$(RUN) -m services.cli up

down: ## stop what runs, also what a killed run has left behind
	@test ! -x $(RUN) || $(RUN) -m services.cli down

status: $(RUNNABLE) ## say what runs
	@$(RUN) -m services.cli status

test: setup ## all tests that need only Python and make; ARGS="-k word" chooses
	@$(RUN) -m pytest -n $$($(RUN) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))') --dist worksteal $(TESTS) $(ARGS)

test-browser: setup ## the pages in a headless Chromium, which is brought if missing
	@chromium="$$($(RUN) tests/browser/chromium.py)" && CHROMIUM="$$chromium" $(RUN) -m pytest -n 2 --dist loadfile tests/browser $(ARGS)

test-containers: setup ## the integration tests against PostgreSQL and Kafka in containers
	@set -a; . $(abspath $(IMAGES)); set +a; $(RUN) -m tests.containers $(ARGS)

check: setup ## everything that can be said without running it; changes nothing
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry --no-ansi services schemas
	$(VENV)/bin/squawk $(MIGRATIONS)
	$(RUN) -m schemas.publishing.export --check
	$(RUN) tests/gettext_check.py

fix: setup ## format, and mend what can be mended
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# Containers (docs/containers.md). Images of your own: make containers-base BASE=..., then IMAGES=deploy/local-images.env
BASE ?= debian:bookworm-slim
PYTHON_IMAGE ?= python:$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')-slim-bookworm
IMAGES ?= /dev/null
SECRETS = deploy/secrets
COMPOSE = docker compose --env-file $(IMAGES) --file deploy/compose.yaml
BUILD = docker build --network none --build-arg BASE=$(BASE)

containers-parts: setup ## bring what images are made of: wheels and jars, each checked by its hash
	@mkdir -p build/wheelhouse build/jars
	@$(RUN) -m pip download --disable-pip-version-check --quiet --only-binary :all: --require-hashes \
		--requirement requirements.lock --dest build/wheelhouse
	@$(RUN) -m deploy.parts build/jars

containers: containers-parts ## build the image of all services, without network
	$(BUILD) --build-arg PYTHON=$(PYTHON_IMAGE) --file deploy/Dockerfile --tag kurslotse/kurslotse:local .

containers-base: containers-parts ## build every other image, too, for a place without an image registry; BASE=image
	docker build --network host --build-arg BASE=$(BASE) --file deploy/images/python.Dockerfile \
		--tag kurslotse/python:local deploy/images
	docker build --network host --build-arg BASE=$(BASE) --file deploy/images/prometheus.Dockerfile \
		--tag kurslotse/prometheus:local deploy/images
	for name in postgres kafka; do $(BUILD) --build-arg PYTHON=kurslotse/python:local \
		--file deploy/images/$$name.Dockerfile --tag kurslotse/$$name:local . || exit 1; done
	$(BUILD) --build-arg PYTHON=kurslotse/python:local --file deploy/Dockerfile --tag kurslotse/kurslotse:local .
	docker build --network none --file deploy/images/mail.Dockerfile --tag kurslotse/mail:local deploy/images

containers-prepare: ## make secrets and certificates of both sides; what is there stays
	@mkdir -p $(SECRETS)
	@docker run --rm --network none --read-only --user 0:0 --volume $(CURDIR)/$(SECRETS):/secrets \
		--env KURSLOTSE_SMTP --env KURSLOTSE_MORE_HOSTS --entrypoint python kurslotse/kurslotse:local \
		-m deploy.containers.prepare together /secrets
	@docker network inspect kurslotse-between >/dev/null 2>&1 || docker network create kurslotse-between >/dev/null

containers-up: containers-prepare ## start both sides; COMPOSE_PROFILES=boards starts Grafana, too
	@$(COMPOSE) up --detach

containers-down: ## stop both sides; nothing is lost
	@$(COMPOSE) down

containers-smoke: setup ## start, let a course and a person in, stop, start again: together and apart
	@set -a; . $(abspath $(IMAGES)); set +a; $(RUN) -m tests.containers.smoke

containers-day: setup ## a stranger's first day through them, in a browser: together and apart
	@set -a; . $(abspath $(IMAGES)); set +a; $(RUN) -m tests.containers.day

bench: setup ## measure; broker and database on this machine
	@$(RUN) -m tests.benchmarks $(ARGS)

clean: down ## remove the data of this machine and everything that was installed
	@test ! -L $(HOME_FOLDER)/postgres || rm -rf "$$(readlink $(HOME_FOLDER)/postgres)"
	rm -rf $(HOME_FOLDER) $(VENV) node_modules build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
