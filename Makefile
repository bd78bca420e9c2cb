# The one runner of this project: `make` alone says what it can do.
#
#   make run STATE=absent              take away what `make run` made
#   make unit ARGS='-k parse -x'       hand arguments to pytest (also: integration, test-v2)
#   make test-vm SCENARIOS=legacy      run other scenarios than the sample
#   make unit COVERAGE=1               tell which lines the tests did not reach

PYTHON ?= python3.11
STATE  ?= present

VENV   := .venv
BIN    := $(VENV)/bin
OLDEST := $(VENV)/oldest-python
LINK   := .ansible/collections/ansible_collections/linux/isolation

# Without a HOME (a bare container, an init script) every tool would keep its files in the root directory.
export HOME           := $(or $(HOME),$(shell getent passwd "$$(id -u)" | cut -d: -f6))
export XDG_CACHE_HOME := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
# Ansible refuses to start outside a UTF-8 locale, and to read its configuration in a folder that anybody may write to.
export LC_ALL         := C.UTF-8
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

# For tools that start other tools of the environment by their bare name.
WITH_PATH := PATH="$(CURDIR)/$(BIN):$$PATH"
PYTEST    := $(WITH_PATH) $(BIN)/pytest
# Wheels alone: where there is none, say so at once rather than ask for a compiler.
PIP       := $(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all:
# All of the integration tests; with V2_TESTS some of them.
V2_TESTS  ?= tests/integration
# Every init, every place where a controller can be: v1, v2 and some on each.
SCENARIOS ?= kernel unified openrc_hybrid
STAGES    := lint sanity unit integration

.DELETE_ON_ERROR:
.PHONY: help run environment test $(STAGES) test-v2 test-vm test-vm-full lab benchmark format changelog limits lock clean linux-and-root

help: ## Say what can be made (this text)
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: linux-and-root $(VENV)/run.stamp $(LINK) ## Converge this host's control groups, or with STATE=absent take them away
	$(BIN)/ansible-playbook playbooks/converge_localhost.yml -e converge_localhost_state=$(STATE)

environment: $(VENV)/test.stamp $(LINK) ## Install what the tests need, into .venv

# One after the other, even with -j: the stages share two things that bear no company, the processors and the kernel's groups.
test: ## Run all of the next four, with the seconds that each took
	@for stage in $(STAGES); do \
	    begin=$$(date +%s); \
	    $(MAKE) --no-print-directory $$stage || exit; \
	    echo "$$stage: $$(($$(date +%s) - begin)) s"; \
	done

lint: $(VENV)/test.stamp $(LINK) ## ruff, mypy, vermin, the changelog's fragments, ansible-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYTHONPATH=$(OLDEST) $(BIN)/python -m mypy --config-file tools/mypy-oldest-python.ini
	$(BIN)/vermin --quiet --no-tips --violations -t=3.8- plugins/module_utils plugins/modules
	$(BIN)/antsibull-changelog lint
	$(WITH_PATH) $(BIN)/ansible-lint

sanity: $(VENV)/test.stamp ## ansible-test sanity, without containers
	tools/sanity $(ARGS)

unit: $(VENV)/test.stamp $(LINK) ## Unit and property tests: they touch no kernel
	$(PYTEST) $(if $(COVERAGE),--cov=plugins) tests/unit tests/property $(ARGS)

integration: $(VENV)/test.stamp $(LINK) ## Tests against this host's kernel
	$(PYTEST) tests/integration $(ARGS)

test-v2: $(VENV)/test.stamp $(LINK) ## The same against a pure cgroup v2 kernel, in a virtual machine
	$(WITH_PATH) tests/guest/run --timeout 3600 $(V2_TESTS) $(ARGS)

# Below the lab's session: whatever ends make, the machines are gone.
test-vm: $(VENV)/test.stamp $(LINK) ## Molecule's scenarios on real machines of several modes: a sample of them
	tests/lab/run session -- tests/vm/run $(SCENARIOS)

test-vm-full: $(VENV)/test.stamp $(LINK) ## All of them, and each with a broken module; writes docs/reference/machines.md
	tests/lab/run session -- tests/vm/run --table --broken

lab: $(VENV)/test.stamp ## The images of the machines that test-vm boots, with what building them needs from Debian
	tests/lab/run build $(ARGS)

benchmark: $(VENV)/test.stamp $(LINK) ## Compare with the bare system calls and with cgconfigparser
	$(WITH_PATH) $(BIN)/python tests/benchmark/benchmark.py $(ARGS)

format: $(VENV)/test.stamp ## Format all Python and mend what ruff can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

changelog: $(VENV)/test.stamp ## Write CHANGELOG.md anew, with the fragments of galaxy.yml's version
	$(WITH_PATH) $(BIN)/antsibull-changelog release --update-existing --refresh --reload-plugins

limits: $(VENV)/test.stamp $(LINK) ## Write docs/reference/limits.md anew, from the table of interface files
	$(BIN)/python tools/limits > docs/reference/limits.md

lock: ## Pin what the direct requirements bring along
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) -r requirements/run.txt -r requirements/test.txt
	$(BIN)/pip freeze > requirements/lock.txt

clean: ## Take away everything that make made
	rm -rf $(VENV) .ansible .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache changelogs/.plugin-cache.yaml \
	    "$(XDG_CACHE_HOME)/linux.isolation"
	find plugins tests -name __pycache__ -prune -exec rm -rf {} +

linux-and-root:
	$(if $(filter Linux,$(shell uname -s)),,$(error control groups belong to Linux: run this on a Linux host or in a Linux virtual machine))
	$(if $(filter 0,$(shell id -u)),,$(error writing control groups needs root: run it as "sudo make $(MAKECMDGOALS)"))

# A requirement that went away must not stay installed: the environment starts anew.
$(VENV)/run.stamp: requirements/run.txt requirements/lock.txt
	$(if $(shell command -v $(PYTHON)),,$(error $(PYTHON) is not there: install Python 3.11 with its venv, or name one with PYTHON=))
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) -c requirements/lock.txt -r $<
	@touch $@

$(VENV)/test.stamp: requirements/test.txt requirements/oldest-python.txt $(VENV)/run.stamp
	$(PIP) -c requirements/lock.txt -r $<
	$(PIP) --no-deps --upgrade --target $(OLDEST) -r requirements/oldest-python.txt
	@touch $@

# The checkout where Ansible, pytest and mypy look for linux.isolation.
$(LINK):
	mkdir -p $(@D)
	ln -sfn ../../../.. $@
