# Everything a contributor or a first-time reader runs. `make` alone lists the commands.
#
# All tools live in .venv, which is made on demand from hash-locked requirements; nothing is
# installed outside this folder. Written for GNU make 3.81 and later, as macOS ships it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv

SOURCES := emag_sandbox tap_emag tests tools $(wildcard benchmarks orchestrate)
# uv reads neither pip's settings nor, by default, the system's certificates: behind a company proxy
# or mirror it should trust and use what pip does.
export UV_SYSTEM_CERTS ?= 1
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
# Without byte code every start of meltano compiles its 800 modules again: three seconds, not one.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format generate sandbox bench bench-volume bench-peers mutants questions docs dist audit lock lock-upgrade clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

# Meltano writes passwords to .meltano/run while plugins run, and would make it for all to read.
setup: $(VENV)/.ready ## Make .venv, as every other command does by itself
	@mkdir -p .meltano && install -d -m 0700 .meltano/run
	@echo "Ready. Next: make demo (no account needed); or your account: write .env, step 3 of docs/get-started.md"

demo: $(VENV)/.ready ## Run the whole pipeline on this machine, no account needed (KEEP=1: leave it up)
	@$(BIN)/python -m emag_sandbox.demo $(if $(KEEP),--keep) $(ARGS)

# Tests mostly wait for request budgets, so several files are run at once; what measures time follows
# alone. With ARGS all that is chosen runs one after the other.
# A machine that other programs keep busy makes waits run out and disturbs measurements, so both are
# tried again, and the report counts these. A wrong result is never tried again.
SLOW_MACHINE := --reruns 2 --only-rerun 'did not come about|Timeout'
test: lint ## Lint, then run every test (ARGS="-k orders": only some)
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not timing" $(SLOW_MACHINE)
	$(BIN)/python -m pytest -m timing --reruns 3 $$(grep -rl --include='test_*.py' 'mark\.timing' tests)
endif

lint: $(VENV)/.ready ## Check style, types and which package imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

format: $(VENV)/.ready ## Put code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

generate: $(VENV)/.ready ## Write the files that follow from declarations of settings, columns, metrics
	$(BIN)/python -m tools.generate

sandbox: $(VENV)/.ready ## Serve a make-believe eMAG on this machine (ARGS="--port 8080")
	@$(BIN)/emag-sandbox $(ARGS)

bench: $(VENV)/.ready ## Measure how fast orders and offers are read and loaded
	@$(BIN)/python -m benchmarks $(ARGS)

bench-volume: $(VENV)/.ready ## Read a shop of a million orders, without budgets (half an hour)
	@$(BIN)/python -m benchmarks.volume $(ARGS)

# Peers have packages that do not fit the tap's, so each has an environment of its own.
PEERS := $(addprefix $(VENV)/peers/,airbyte dlt loader)
bench-peers: $(VENV)/.ready $(addsuffix /.ready,$(PEERS)) ## Compare with a plain tap, dlt, Airbyte's CDK (half an hour)
	@$(BIN)/python -m benchmarks.peers $(ARGS)

# mutmut lies in a folder of its own, beside the packages that it tests with.
mutants: $(VENV)/mutmut/.ready ## See whether tests notice changes of the pure modules (ten minutes)
	@$(BIN)/python -m tests.mutation $(VENV)/mutmut

# zensical lies in a folder of its own, too. Strict: a link to no page, or to no heading, is an error.
SITE ?= .site
questions: $(VENV)/.ready ## Write the answers about the sandbox into docs/questions.md (a minute)
	@WRITE_QUESTIONS=1 $(BIN)/python -m pytest -q tests/transform/test_questions.py

docs: $(VENV)/docs/.ready ## Build docs/ as a site in .site/html, and check its links
	@PYTHONPATH=$(VENV)/docs $(BIN)/python -m tools.docs_site $(SITE)

# The SBOM lists the tap with the packages that Meltano installs it from, and their hashes.
DIST ?= dist
dist: $(VENV)/sbom/.ready ## Build wheel, source distribution and SBOM into dist/
	@rm -rf $(DIST)
	@$(BIN)/python -m hatchling build --directory $(DIST)
	@PYTHONPATH=$(VENV)/sbom $(BIN)/python -m cyclonedx_py requirements requirements/tap.lock \
		--pyproject pyproject.toml --mc-type application --output-reproducible \
		--output-file $(DIST)/tap-emag.cdx.json

# Known holes of the packages in requirements/*.lock, by the package index's own advisories. Where an
# index has none, each package is said to be not audited, and that is no failure.
audit: $(VENV)/audit/.ready ## Look for known holes in the packages this project is made of
	@for lock in requirements/*.lock; do echo "$$lock"; \
		PYTHONPATH=$(VENV)/audit $(if $(PIP_CERT),REQUESTS_CA_BUNDLE=$(PIP_CERT)) \
			$(BIN)/python -m pip_audit --requirement $$lock --no-deps \
			--disable-pip --vulnerability-service pypi --progress-spinner off || exit 1; done

# uv would also write a uv.lock, but that one repeats the address of whichever package index its
# writer used; these files hold names, versions and hashes only.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url

lock: $(VENV)/.bootstrapped ## Write requirements/*.lock anew after a change of pyproject.toml
	$(COMPILE) $(UPGRADE) pyproject.toml --extra sandbox --extra ops --extra report --group dev -o requirements/dev.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra ops --extra report -c requirements/dev.lock -o requirements/tap.lock
	$(COMPILE) $(UPGRADE) requirements/loader.in pyproject.toml -o requirements/loader.lock
	$(COMPILE) $(UPGRADE) requirements/dbt.in -o requirements/dbt.lock
	$(COMPILE) $(UPGRADE) requirements/airflow.in -o requirements/airflow.lock
	$(COMPILE) $(UPGRADE) requirements/mutants.in -c requirements/dev.lock -o requirements/mutants.lock
	$(COMPILE) $(UPGRADE) requirements/audit.in -o requirements/audit.lock
	$(COMPILE) $(UPGRADE) requirements/docs.in -o requirements/docs.lock
	$(COMPILE) $(UPGRADE) requirements/sbom.in -o requirements/sbom.lock
	$(COMPILE) $(UPGRADE) requirements/airbyte.in -o requirements/airbyte.lock
	$(COMPILE) $(UPGRADE) requirements/dlt.in -o requirements/dlt.lock
	@cp -p requirements/uv.lock $(VENV)/uv.lock
	$(COMPILE) $(UPGRADE) requirements/uv.in -c requirements/dev.lock -o requirements/uv.lock
	@# With its old date, where it is the same: a newer one makes .venv anew.
	@cmp -s requirements/uv.lock $(VENV)/uv.lock && cp -p $(VENV)/uv.lock requirements/uv.lock || true
	$(COMPILE) $(UPGRADE) requirements/dagster.in -o requirements/dagster.lock
	$(COMPILE) $(UPGRADE) requirements/run.in -c requirements/dev.lock -o requirements/run.lock
	$(COMPILE) $(UPGRADE) requirements/build.in -c requirements/dev.lock -o requirements/build.lock

lock-upgrade: ## Likewise, with the newest releases that fit
	@$(MAKE) lock UPGRADE=--upgrade

# Of .meltano only what `meltano install` makes again. Meltano keeps runs and bookmarks there as well,
# unless MELTANO_DATABASE_URI says otherwise.
PLUGINS := $(addprefix .meltano/,extractors loaders mappers transformers orchestrators transforms \
	files utilities cache)

clean: ## Remove what these commands have made: .venv, plugins, caches; never bookmarks
	rm -rf $(VENV) $(PLUGINS) dist .demo .site .environments .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.bootstrapped: requirements/uv.lock
	@command -v $(PYTHON) >/dev/null || { \
		echo "No '$(PYTHON)' here. Install Python 3.11 to 3.14, or name one: make PYTHON=/path/to/python"; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { \
		echo "$$($(PYTHON) --version) will not do: tap-emag runs on 3.11 to 3.14." \
			"Name another: make PYTHON=python3.13"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv --clear $(VENV) || { \
		echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes \
		--requirement requirements/uv.lock
	@touch $@

$(VENV)/.synced: $(VENV)/.bootstrapped requirements/dev.lock
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.lock
	@touch $@

$(VENV)/.ready: $(VENV)/.synced pyproject.toml
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/mutmut/.ready: $(VENV)/.ready requirements/mutants.lock
	@rm -rf $(@D)
	@$(UV) pip install --quiet --python $(BIN)/python --target $(@D) --no-deps --require-hashes \
		--requirement requirements/mutants.lock
	@touch $@

$(VENV)/audit/.ready: $(VENV)/.ready requirements/audit.lock
	@rm -rf $(@D)
	@$(UV) pip install --quiet --python $(BIN)/python --target $(@D) --no-deps --require-hashes \
		--requirement requirements/audit.lock
	@touch $@

$(VENV)/sbom/.ready: $(VENV)/.ready requirements/sbom.lock
	@rm -rf $(@D)
	@$(UV) pip install --quiet --python $(BIN)/python --target $(@D) --no-deps --require-hashes \
		--requirement requirements/sbom.lock
	@touch $@

$(VENV)/docs/.ready: $(VENV)/.ready requirements/docs.lock
	@rm -rf $(@D)
	@$(UV) pip install --quiet --python $(BIN)/python --target $(@D) --no-deps --require-hashes \
		--requirement requirements/docs.lock
	@touch $@

$(VENV)/peers/%/.ready: requirements/%.lock | $(VENV)/.ready
	@$(UV) venv --quiet --clear --python $(BIN)/python $(@D)
	@$(UV) pip sync --quiet --compile-bytecode --python $(@D)/bin/python --require-hashes $<
	@$(if $(filter loader,$*),$(UV) pip install --quiet --python $(@D)/bin/python --no-deps --editable .)
	@touch $@
