# The project's tasks; the same in CI and at home. `make` lists them.
.DEFAULT_GOAL := help
PYTHON ?=
BIN := .venv/bin
PORT ?= 8080
SECONDS ?= 300
export PYTHON
# Whatever the shell says: hundreds of processes would compile the same modules.
COMPILED := PYTHONDONTWRITEBYTECODE=

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

run: .venv/run.stamp  ## set up, then start gateway and sandbox providers (PORT=8080)
	@$(MAKE) --no-print-directory --silent site || echo "Without the documentation site: it cannot be built here" >&2
	@$(BIN)/apientreprise-gateway demo --port $(PORT)

test: .venv/dev.stamp  ## set up, then run every test
	@$(BIN)/python -m compileall -q src
	@$(COMPILED) $(BIN)/python -m pytest --numprocesses 4 --dist worksteal

fuzz: .venv/dev.stamp  ## feed every reader of outside data with any bytes (SECONDS=300)
	@cd tests && ../$(BIN)/python -m fuzz --seconds $(SECONDS)

check: .venv/deploy.stamp lint test  ## what CI checks: formatting, lint, types, imports, then `make test`

lint: .venv/dev.stamp  ## formatting, lint, types, which room imports which, sizes
	@$(BIN)/ruff format --check --quiet . || { echo "make format repairs this"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache >.venv/imports.log || { cat .venv/imports.log; exit 1; }
	@$(BIN)/python scripts/sizes.py

format: .venv/dev.stamp  ## repair formatting and what ruff can repair
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

docs: .venv/dev.stamp  ## write openapi.yaml and the generated tables of docs/ anew
	@$(BIN)/python scripts/write_docs.py

site: dist/site/index.html  ## make the documentation site: dist/site, static files

dsfr:  ## fetch the State's design system, a theme of the portal for sites of the State
	@scripts/dsfr

bench: .venv/bench.stamp  ## CPU of a call beside the peers', under each condition (14 minutes, docs/performance.md, chart)
	@$(BIN)/python bench/report.py

torture: .venv/dev.stamp  ## what is lost while everything goes wrong at once (3 minutes, docs/withstands.md)
	@$(BIN)/python bench/torture.py --write

audit: .venv/audit.stamp  ## ask a vulnerability service about every locked package
	@$(BIN)/python scripts/audit.py

sbom: .venv/audit.stamp  ## list what is installed with the gateway, with licences: dist/sbom.cdx.json
	@$(BIN)/python scripts/sbom.py

lock: .venv/dev.stamp  ## resolve the locked packages anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --upgrade --extra build pyproject.toml -o requirements/run.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --upgrade --extra build --extra otel --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --upgrade --extra build --extra otel --extra dev --extra bench -c requirements/dev.txt pyproject.toml \
	  -o requirements/bench.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --upgrade --no-deps --group deploy -o requirements/deploy.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --upgrade --group audit -c requirements/dev.txt -o requirements/audit.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --upgrade --group site -c requirements/dev.txt -o requirements/site.txt

clean:  ## remove what the other targets made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

# Whatever its pages link to beside docs/ is rarely changed; `touch docs` builds it anew.
dist/site/index.html: .venv/site.stamp scripts/site.py scripts/site.yml scripts/site.css CHANGELOG.md $(shell find docs -name '*.md')
	@$(BIN)/python scripts/site.py

.venv/run.stamp: requirements/run.txt pyproject.toml scripts/venv
	@scripts/venv run && touch $@

.venv/dev.stamp: requirements/dev.txt pyproject.toml scripts/venv
	@scripts/venv dev && touch $@ .venv/run.stamp

.venv/deploy.stamp: requirements/dev.txt requirements/deploy.txt requirements/audit.txt requirements/site.txt pyproject.toml scripts/venv
	@scripts/venv dev deploy audit site && touch $@ .venv/dev.stamp .venv/run.stamp .venv/audit.stamp .venv/site.stamp

.venv/site.stamp: requirements/run.txt requirements/site.txt pyproject.toml scripts/venv
	@scripts/venv run site && touch $@

.venv/audit.stamp: requirements/dev.txt requirements/audit.txt pyproject.toml scripts/venv
	@scripts/venv dev audit && touch $@ .venv/dev.stamp .venv/run.stamp

.venv/bench.stamp: requirements/bench.txt pyproject.toml scripts/venv
	@scripts/venv bench && touch $@ .venv/dev.stamp .venv/run.stamp

.PHONY: help run test fuzz check lint format docs site dsfr bench torture audit sbom lock clean
