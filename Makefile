# Each target is one line: a script of tools/ or one tool of .venv. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup dev demo test check lint format types imports bench chaos pictures lock clean

help: ## this list
	@tools/help.sh

setup: ## .venv with the pinned dependencies and the `gateway` command
	@tools/setup.sh

dev: ## the same, with the tools that tests and checks need
	@tools/setup.sh dev

demo: setup ## a simulated WeChat, a legacy application and the gateway between them; Ctrl-C ends it
	@tools/demo.sh

test: dev ## install what the tests need, run all of them; a skipped test fails the run
	@tools/test.sh

check: dev ## what CI runs: format, lint, types, imports, then all tests
	@tools/check.sh

lint: dev ## style and likely mistakes
	@.venv/bin/ruff check .

format: dev ## put the code in its form
	@.venv/bin/ruff format .

types: dev ## strict types
	@.venv/bin/mypy

imports: dev ## imports point one way
	@.venv/bin/lint-imports

bench: setup ## what a request costs, beside plain nginx; PEERS=all installs and measures other proxies too
	@tools/bench.sh

chaos: dev ## inject every fault of docs/reliability.md and write its table (an hour); ARGS="--short" for minutes
	@tools/chaos.sh $(ARGS)

pictures: dev ## open every page in Chromium, look at it with axe-core, and make docs/images/ of the pages anew
	@tools/pictures.sh

lock: ## resolve the dependencies of pyproject.toml anew and pin them with hashes (needs uv)
	@tools/lock.sh

clean: ## remove what the other targets made
	@tools/clean.sh
