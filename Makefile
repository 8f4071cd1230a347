# Two commands matter to somebody new: `make demo` and `make test`. Both install what is missing.
SHELL := /bin/bash
# The majors that the other targets cover: what is supported.
MAJORS ?= 15 16 17 18
# The server for demo and install; by default the newest supported one that is installed.
PG_CONFIG ?=

.PHONY: help demo test test-all test-assert lint install clean soak docs tables package deb dist test-package test-suite fuzz

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  PG_CONFIG=/path/to/pg_config selects the server for demo and install"

demo: ## Show the main job on real input, on a private throw-away cluster
	@tools/demo.sh $(PG_CONFIG)

test: ## Run every test on the server that is here
	@tools/test.sh

test-all: ## Run every test on PostgreSQL 15 to 18 (MAJORS="15 16" for some)
	@tools/test.sh $(MAJORS)

test-assert: ## Run every test on a PostgreSQL 18 that checks its own assertions
	@tools/test.sh assert

lint: ## Check formatting and run clippy with warnings as errors
	@tools/lint.sh

install: ## Build a release and install it into the server of PG_CONFIG
	@tools/setup.sh build
	@pg_config="$(PG_CONFIG)"; tools/install.sh "$${pg_config:-$$(tools/setup.sh server)}"

docs: ## Write what is generated: the pages of the rules, of functions, views and settings
	@tools/setup.sh build
	@pg_config=$$(tools/setup.sh server); major=$$("$$pg_config" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/'); \
		MIGRATOR_WRITE_DOCS=1 PGRX_PG_CONFIG_PATH=$$pg_config cargo test --quiet --lib --features "pg$$major" --no-default-features docs_of_the_rules_are_current && \
		tools/install.sh "$$pg_config" && tools/reference.py "$$pg_config"

tables: ## Measure the guard against Postgres and squawk, and write docs/guard-truth.md and docs/guard-vs-squawk.md
	@for major in $(MAJORS); do \
		pg_config=$$(tools/setup.sh server $$major) && tools/install.sh "$$pg_config" && \
		python3 tests/truth/run.py "$$pg_config" --docs || exit 1; \
	done; python3 tests/truth/squawk.py

soak: ## All faults, many random kills (KILLS=200), Postgres's own suites, a million strange statements; takes hours
	@FAULTS=$${FAULTS:-0} KILLS=$${KILLS:-200} tools/test.sh --driver "each_committed_step_can_be_the_last deploy_survives_kills backfill_survives_kills backfill_by_key_survives_kills backfill_by_key_with_workers_survives_kills backfill_by_page_survives_kills backfill_by_page_with_workers_survives_kills" $(MAJORS)
	@$(MAKE) --no-print-directory test-suite
	@$(MAKE) --no-print-directory fuzz FUZZ_STATEMENTS=$${FUZZ_STATEMENTS:-1000000} FUZZ_MAJORS=18

clean: ## Remove everything that was built, and stop and remove throw-away clusters
	@tools/clean.sh

package: ## Build a tree of files for PG_CONFIG under target/package, and a .tar.gz of it
	@tools/setup.sh build
	@pg_config="$(PG_CONFIG)"; tools/package.sh tar "$${pg_config:-$$(tools/setup.sh server)}"

deb: ## Build a Debian package for PG_CONFIG under target/package
	@tools/setup.sh build
	@pg_config="$(PG_CONFIG)"; tools/package.sh deb "$${pg_config:-$$(tools/setup.sh server)}"

dist: ## Make the .zip of the source that PGXN takes
	@tools/package.sh dist

test-package: ## Install the packages into a private copy of the server of PG_CONFIG and use them
	@tools/setup.sh build
	@pg_config="$(PG_CONFIG)"; tools/package.sh test "$${pg_config:-$$(tools/setup.sh server)}"

# The majors of which Postgres's own suites run, and the one that is fuzzed: it has assertions.
SUITE_MAJORS ?= 17 18
FUZZ_MAJORS ?= 18
FUZZ_STATEMENTS ?= 20000

test-suite: ## Run Postgres's own regression and isolation suites with the extension loaded, on PostgreSQL 17 and 18
	@tools/setup.sh build
	@for major in $(SUITE_MAJORS); do \
		pg_config=$$(tools/setup.sh server $$major) && tools/install.sh "$$pg_config" && \
		python3 tests/suite/run.py "$$pg_config" || exit 1; \
	done

fuzz: ## Feed the extension with statements nobody would write (FUZZ_STATEMENTS=20000, FUZZ_SEED)
	@tools/setup.sh build
	@for major in $(FUZZ_MAJORS); do \
		pg_config=$$(tools/setup.sh server $$major) && tools/install.sh "$$pg_config" && \
		python3 tests/fuzz/run.py "$$pg_config" $(FUZZ_STATEMENTS) || exit 1; \
	done
