# Everything that is done with a checkout. Each target sets up first, which after the first time takes no time.
# STACK=name picks the stack of `make demo`, BACKEND=docker the backend of the measurements.

STACK ?= dev
BACKEND ?= embedded

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-docker test-on-engine images check format lock lock-jars prove bench-start bench-latency bench-verdict bench-verify bench-results bench-suite report-tools test-report clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Fetch what a stack needs: Python packages, jars, Pulumi (nothing to do the second time)
	@tools/find-python -m tools.setup.python_env
	@.venv/bin/python -m tools.setup

demo: setup ## Stand a stack up and prove the reference journey through it
	.venv/bin/throughline up --stack $(STACK)
	.venv/bin/throughline demo --stack $(STACK)

test: setup check ## Linters, types, and every test, on a stack of its own
	.venv/bin/pytest tests/unit tests/setup
	.venv/bin/pytest --ignore=tests/unit --ignore=tests/setup

test-docker: setup ## The same for the Docker backend; brings an engine where none runs, on Debian and as root
	@.venv/bin/python -m tools.engine while $(MAKE) --no-print-directory test-on-engine

test-on-engine: # An engine answers
	@.venv/bin/python -m tools.images
	@.venv/bin/python -m tools.images test-clickhouse
	.venv/bin/pytest tests/images/with_engine tests/docker_plugin/with_engine tests/stacks/with_engine

report-tools: ## Install what makes a page of a run's messages (needs npm)
	@cd steps/report/node && npm ci --no-audit --no-fund

test-report: setup report-tools ## Look at a report in a real browser (needs chromium on PATH)
	.venv/bin/pytest tests/report/with_node

images: setup ## Build the images of a stack on Docker from the package registries (ARCHIVE= SHA256= TAG=: ClickHouse's)
	@.venv/bin/python -m tools.images
ifdef ARCHIVE
	@.venv/bin/python -m tools.images archive "$(ARCHIVE)" "$(SHA256)" "$(TAG)"
endif

check: setup ## Linters, formatting, types, import contracts, and that features and steps fit: no test
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	@.venv/bin/python -m tools.check_steps

format: setup ## Format the code and mend what the linter can mend
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

prove: setup ## Break a pipeline on purpose, one defect at a time, and tell what was named at which hop
	.venv/bin/python -m bench.prove

bench-start: setup ## Measure how long a stack takes to stand, to be up to date and to go
	.venv/bin/python -m bench.start --backend $(BACKEND)

bench-latency: setup ## Measure the time from a commit to a row that ClickHouse returns
	.venv/bin/python -m bench.latency --backend $(BACKEND)

bench-verdict: setup ## Measure the time from the last row that ClickHouse returns to the verdict
	.venv/bin/python -m bench.verdict

bench-verify: setup ## Measure what verifying 10 thousand to a million events takes, in seconds and memory
	.venv/bin/python -m bench.verify

bench-results: setup ## Measure what an experiment's results take over ten million events
	.venv/bin/python -m bench.results

bench-suite: setup ## Run the features twenty times in random order on one stack, and measure each run
	.venv/bin/python -m bench.suite

lock: ## Write the locks of the Python packages anew (LOCK_FLAGS=--upgrade: newest versions)
	@tools/find-python -m tools.setup.locks $(LOCK_FLAGS)

lock-jars: setup ## Write the lock of the jars anew from tools/jars.pom.xml (needs mvn)
	.venv/bin/python -m tools.setup.jars_lock

clean: ## Remove the environment and what tests and linters left; stacks and the cache stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
