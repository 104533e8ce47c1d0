# make demo | test | search | test-spark | dev | install | lint. Needs Python 3.11 to 3.13, make and a package index; nothing else by hand.
PYTHON ?= python3
VENV := .venv
# Which Spark: 3 (3.5) or 4. Each has a lock and an environment of its own.
SPARK ?= 3
SPARK_SUFFIX := $(if $(filter 4,$(SPARK)),4)
SPARK_VENV := .venv-spark$(SPARK_SUFFIX)
SPARK_LOCK := requirements-spark$(SPARK_SUFFIX).lock
DUCKDB2_VENV := .venv-duckdb2
BIN := $(VENV)/bin
DEMO_MONTHS ?= 2025-01..2025-06
export RECON_HOME ?= $(CURDIR)/recon_home

.DEFAULT_GOAL := help
.PHONY: help install generate demo test search test-spark test-duckdb2 spark-adapters superset dev app lint format lock lock-spark lock-spark4 lock-audit lock-bench lock-duckdb2 lock-superset lock-fabric lock-databricks audit mutation bench findings

help:
	@echo "make demo     sample files, every month reconciled and published, summary"
	@echo "make test     every promise tested, in minutes"
	@echo "make search   the same, and what takes hours: kills, full disks, damaged files, calendars, all storage tests on Azurite"
	@echo "make test-spark  the same numbers on a Spark cluster of its own (.venv-spark; needs Java 17); SPARK=4: on Spark 4"
	@echo "make test-duckdb2  loading, building and publishing on DuckDB 2 (.venv-duckdb2)"
	@echo "make spark-adapters  the models through the adapters of Microsoft Fabric and Databricks, without a cluster of theirs (needs Java 17)"
	@echo "make superset  the dashboard of deploy/superset imported into Superset, its charts compared to $(RECON_HOME)"
	@echo "make dev      the Dagster UI on $(RECON_HOME)"
	@echo "make app      the reporting app on $(RECON_HOME)"
	@echo "make install  the environment alone (.venv)"
	@echo "make generate  the files of the dbt project that follow from the catalogue"
	@echo "make lint     ruff, mypy, sqlfluff"
	@echo "make mutation small wrongs in the rules, and whether the tests notice"
	@echo "make bench    every benchmark, into docs/benchmarks.md (BENCH_TIMES, BENCH_LINES, BENCH_USAGE_LINES, BENCH_VARIATIONS, BENCH_PERIOD_LINES, BENCH_MONTHS, BENCH_ENGINE_LINES)"
	@echo "make findings what libraries and formats did that surprised us, seen again (installs packages)"
	@echo "make audit    SBOM, licences and known vulnerabilities of the dependencies"

install: $(VENV)/.installed

# The lock holds every dependency with its hashes, so nothing is resolved here (--no-deps).
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; set PYTHON=") if not (3, 11) <= sys.version_info < (3, 14) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -c 'from recon_assets.pipeline.project import manifest_folder; manifest_folder()'
	@touch $@

demo: install
	$(BIN)/recon sample --months $(DEMO_MONTHS)
	$(BIN)/recon run --months $(DEMO_MONTHS)
	@echo
	@echo "Runs, checks and lineage:  make dev, then open http://127.0.0.1:3000"
	@echo "Screens:                   make app, then open http://127.0.0.1:8050"
	@echo "Numbers:                   $(BIN)/recon query 'select * from marts.subscription_reconciliation'"
	@echo "What is planted:           $(RECON_HOME)/expected.json"

# Tests use homes of their own; the environment's settings must not reach them.
test: install
	env -u RECON_HOME PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest $(PYTEST_ARGS)

# What make test leaves out (marker `search`), and more examples; RECON_FUZZ_EXAMPLES and RECON_KILL_ROUNDS set how many.
search: install
	env -u RECON_HOME RECON_SEARCH=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest $(PYTEST_ARGS)

# dbt-spark and pyspark would disturb the default environment; their lock has only what that one's does not.
$(SPARK_VENV)/.installed: requirements.lock $(SPARK_LOCK) pyproject.toml
	$(PYTHON) -m venv $(SPARK_VENV)
	$(SPARK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(SPARK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-build-isolation \
		-r $(SPARK_LOCK)
	$(SPARK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test-spark: $(SPARK_VENV)/.installed
	env -u RECON_HOME PATH="$(CURDIR)/$(SPARK_VENV)/bin:$$PATH" RECON_TESTS_NO_SKIPS=1 \
		$(SPARK_VENV)/bin/python -m pytest -n 0 recon_assets_tests/spark $(PYTEST_ARGS)

# dbt-duckdb is tested with DuckDB 1.5, which the platform therefore locks; this shows what a move to 2 would find.
$(DUCKDB2_VENV)/.installed: requirements.lock requirements-duckdb2.lock pyproject.toml
	$(PYTHON) -m venv $(DUCKDB2_VENV)
	$(DUCKDB2_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(DUCKDB2_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-duckdb2.lock
	$(DUCKDB2_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test-duckdb2: $(DUCKDB2_VENV)/.installed
	env -u RECON_HOME PATH="$(CURDIR)/$(DUCKDB2_VENV)/bin:$$PATH" $(DUCKDB2_VENV)/bin/python -m pytest -m "not azure" \
		$(addprefix recon_assets_tests/,sources/test_loading.py sources/test_pages.py usage/test_months.py \
		einvoices/test_buckets.py dbt/test_publish.py lakehouse/test_published_store.py) $(PYTEST_ARGS)

# Tools that have an environment each, so that they do not disturb, and are not among, what they look at.
AUDIT := build/audit
SUPERSET := build/superset
$(AUDIT)/.installed $(SUPERSET)/.installed build/fabric/.installed build/databricks/.installed: build/%/.installed: requirements-%.lock
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

# Superset pins pandas, SQLAlchemy and more at other versions; it gets a new home each time.
superset: install $(SUPERSET)/.installed
	rm -rf $(SUPERSET)/home && mkdir $(SUPERSET)/home
	$(BIN)/recon export duckdb --out $(SUPERSET)/home/published.duckdb
	$(SUPERSET)/bin/python tools/superset_figures.py $(SUPERSET)/home
	$(BIN)/python -m tools.superset_dashboard compare $(SUPERSET)/home/figures.json

# A month of $(RECON_HOME) through Fabric's adapter and DuckDB; Databricks' compiles what it would send.
spark-adapters: install build/fabric/.installed build/databricks/.installed
	$(BIN)/python -m tools.spark_adapters $(lastword $(subst .., ,$(DEMO_MONTHS)))

dev: install
	mkdir -p $(RECON_HOME)/dagster $(RECON_HOME)/landing
	test -f $(RECON_HOME)/dagster/dagster.yaml || cp dagster.yaml $(RECON_HOME)/dagster/dagster.yaml
	DAGSTER_HOME=$(RECON_HOME)/dagster PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dagster dev --host 127.0.0.1 --port 3000

app: install
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/recon app

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	RECON_BUILD_PATH=$(CURDIR)/dbt_project/target/lint.duckdb $(BIN)/sqlfluff lint dbt_project/models dbt_project/tests

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	RECON_BUILD_PATH=$(CURDIR)/dbt_project/target/lint.duckdb $(BIN)/sqlfluff fix dbt_project/models dbt_project/tests

generate: install
	$(BIN)/python -m recon_assets.catalogue
	$(BIN)/python -m tools.power_bi
	$(BIN)/python -m tools.superset_dashboard

# Resolves the versions anew, for every supported Python at once; uv is only needed for this.
lock:
	uv pip compile pyproject.toml --group dev --upgrade --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --no-emit-index-url --no-strip-extras --no-annotate --no-header --quiet -o requirements.lock

lock-audit lock-superset lock-fabric lock-databricks: lock-%:
	uv pip compile tools/requirements-$*.in --upgrade --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --no-emit-index-url --no-strip-extras --no-annotate --no-header --quiet -o requirements-$*.lock

# Ends with 1 on a finding and with 3 when the vulnerability service could not be asked; AUDIT_OFFLINE=1 lets that pass.
audit: install $(AUDIT)/.installed
	$(AUDIT)/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml --of JSON \
		-o build/sbom.cdx.json $(BIN)/python
	$(BIN)/python tools/dependencies.py licences build/sbom.cdx.json
	$(BIN)/python tools/dependencies.py vulnerabilities $(AUDIT)/bin/pip-audit $(if $(AUDIT_OFFLINE),--offline)

# Rules in SQL with one thing wrong at a time; fails on what no test notices and docs/mutation.md does not explain.
mutation: install
	env -u RECON_HOME PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m recon_assets_tests.mutation.run $(MUTATION_ARGS)

# Only what the environment does not have already; its versions are those of requirements.lock, whatever a package asks
# for (datacompy 1.1 declares pandas below 3.1, and works with it).
lock-bench lock-spark lock-spark4: lock-%:
	mkdir -p build
	sed -e '/--hash=/d' -e 's/ *\\$$//' requirements.lock > build/constraints.txt
	uv pip compile pyproject.toml --group $* --override build/constraints.txt --universal --python-version 3.11 \
		--fork-strategy fewest --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o build/$*.lock
	$(BIN)/python tools/only_new.py build/$*.lock requirements.lock > requirements-$*.lock

lock-duckdb2:
	echo 'duckdb>=2,<3' | uv pip compile - --no-deps --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --quiet -o requirements-duckdb2.lock

build/bench/.installed: requirements-bench.lock
	rm -rf build/bench
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target build/bench \
		-r requirements-bench.lock
	@touch $@

# Spark takes part where there is Java.
bench: install build/bench/.installed $(if $(shell command -v java),$(SPARK_VENV)/.installed)
	env -u RECON_HOME PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)/build/bench:$(CURDIR)" $(BIN)/python benchmarks/run_all.py $(BENCH_ARGS)

# Each in a folder of its own; all are run, and one that saw something else fails the target.
findings:
	@failed=0; for finding in findings/*.sh; do echo "== $$finding"; bash $$finding || failed=1; done; exit $$failed
