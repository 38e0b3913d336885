# make demo: the main job, end to end.   make test: the tests.   make airflow: the real thing on this machine.
# Each target does its own set-up: a virtual environment in .venv, with versions pinned by a constraints file.
.DEFAULT_GOAL := help
.PHONY: help demo airflow test proof matrix distributed lint format docs dbt pictures dist audit warehouses bench-client bench-gate bench-hold bench-import bench-payout bench-reports bench-write lock clean

PYTHON ?= python3
CONSTRAINTS := constraints/airflow-3.3-python-3.11.txt
# What Airflow on many machines has beside those.
CELERY := constraints/distributed.txt
VENV := .venv
BIN := $(VENV)/bin
EXTRAS ?= duckdb,openlineage,postgres,sqlite,xlsx
# Airflow's hook for MariaDB builds where that library is, for the tests of it; tools/needs.py knows its package.
MARIADB := $(if $(shell command -v mariadb_config 2>/dev/null),-and-mariadb)
COMMA := ,
READY := $(VENV)/.ready$(MARIADB)
# How `make test` and `make matrix` run pytest: tests often wait, so that two cores have work for four processes. Files start in
# the order of their names, those with long tests first, and stay together, since their tests share an Airflow or a database.
PARALLEL := -n 4 --dist loadfile --no-loadscope-reorder
# The tests' databases are in memory where there is enough of it.
IN_MEMORY := $(BIN)/python tools/in_memory.py
# dbt wants other versions of what Airflow needs, too, so it has an environment of its own.
DBT := .venv-dbt/.ready
# What `make warehouses` runs, in an environment of its own: the emulator wants older versions than Airflow's newest.
EMULATORS := .venv-warehouses
EMULATOR_CONSTRAINTS := constraints/warehouses-python-3.11.txt
WAREHOUSE_TESTS := -n 2 --dist loadfile -k "snowflake or redshift or dialects" tests/story/test_snowflake.py \
	tests/unit/warehouse/test_append.py tests/unit/warehouse/test_dialects.py tests/unit/warehouse/test_gate.py \
	tests/unit/warehouse/test_layouts.py tests/unit/warehouse/test_views.py
# Every environment is compiled once, when it is made: the tests start Airflow some hundred times.
export UV_COMPILE_BYTECODE := 1
# What would make each of those starts slow is left out.
EXCLUDED := --excludes constraints/excluded.txt
PROSE := README.md GLOSSARY.md CHANGELOG.md CONTRIBUTING.md SECURITY.md UNVERIFIED.md docs

help: ## show this help
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

$(READY): pyproject.toml $(CONSTRAINTS)
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade uv
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraints $(CONSTRAINTS) $(EXCLUDED) --group dev --editable '.[$(EXTRAS)]'
	@test -z '$(MARIADB)' || VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraints $(CONSTRAINTS) --editable '.[mysql]' \
		|| echo "Airflow's hook for MariaDB could not be built; the one test of it is left out."
	@touch $(READY)

$(DBT): constraints/dbt.txt | $(READY)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-dbt
	@$(BIN)/uv pip install --quiet --python .venv-dbt --constraints constraints/dbt.txt --group dbt
	@touch $(DBT)

demo: $(READY) ## run snapshot, gate and payout against the simulator, and print the table
	@$(BIN)/python tools/demo.py

airflow: $(READY) ## start Airflow with the simulator and the example DAGs on this machine
	@$(BIN)/python tools/run_airflow.py

test: $(READY) $(DBT) ## run all tests
	@$(IN_MEMORY) $(BIN)/python -m pytest $(PARALLEL)

proof: $(READY) ## the long form of the proofs that no money is set aside or paid twice (three hours); PROOF_SEED=7 repeats one
	@PROOF=long $(IN_MEMORY) $(BIN)/python -m pytest tests/proof --timeout 0

matrix: export PYTEST_ADDOPTS := $(PARALLEL)
matrix: $(READY) ## unit, story and real processes on every Airflow and Python we support, and a table of what ran (VERSIONS=2.11 for some)
	@$(IN_MEMORY) $(BIN)/python tools/matrix.py $(VERSIONS) $(PART:%=--%)

warehouses: $(READY) ## snapshots and reports on emulators of warehouses in the cloud, and the grammar of those without one
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(EMULATORS)
	@$(BIN)/uv pip install --quiet --python $(EMULATORS) --constraints $(EMULATOR_CONSTRAINTS) --group test --group emulators \
		--editable '.[postgres,redshift,snowflake,sqlite]'
	@$(IN_MEMORY) $(EMULATORS)/bin/python -m pytest $(WAREHOUSE_TESTS)

distributed: $(READY) ## Airflow on many machines under Celery, while they are killed and PostgreSQL crashes (a quarter of an hour; needs a Redis)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VENV)-distributed
	@$(BIN)/uv pip install --quiet --python $(VENV)-distributed --constraints $(CONSTRAINTS) --constraints $(CELERY) --group distributed --editable '.[$(EXTRAS)]'
	@$(VENV)-distributed/bin/python -m pytest -s tests/distributed

lint: $(READY) ## check style, types, spelling, the import law and the workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tools/doc_blocks.py build/doc_blocks
	@$(BIN)/mypy
	@$(BIN)/mypy build/doc_blocks
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/codespell airflow_provider_iyzico dags bench
	@$(BIN)/codespell --dictionary - --dictionary tools/plain_words.txt $(PROSE)
	@$(BIN)/zizmor --offline --quiet .github

format: $(READY) ## fix style
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

docs: $(READY) ## README, guides and reference as web pages, in build/docs
	@AIRFLOW_HOME=$(CURDIR)/.airflow/docs $(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs
	@echo build/docs/index.html

dbt: $(READY) ## the reports as a dbt package, in build/dbt/iyzico
	@$(BIN)/python tools/dbt_package.py

pictures: $(READY) ## take the pictures of the docs again, from a real Airflow in a real browser
	@$(BIN)/python tools/pictures.py

dist: $(READY) ## wheel, sdist and SBOM, built twice and compared, in dist
	@$(BIN)/python tools/release.py

audit: $(READY) ## ask the advisory database about every run-time dependency (needs the internet)
	@$(BIN)/python tools/audit.py

bench-client: $(READY) ## a signed call against requests, the http provider's hook and iyzico's own package
	@$(BIN)/python bench/bench_client.py

bench-gate: $(READY) ## what a waiting gate costs the triggerer, against the http provider's triggers (half an hour)
	@$(BIN)/python bench/bench_gate.py

bench-hold: $(READY) ## what setting money aside costs over a plain insert, and 16 processes at once
	@$(BIN)/python bench/bench_hold.py

bench-import: $(READY) ## what a DAG file pays for this provider: import and parse (4 minutes)
	@$(BIN)/python bench/bench_import.py

bench-payout: $(READY) ## what a batch of 10,000 items costs over its bare requests (half an hour)
	@$(BIN)/python bench/bench_payout.py

bench-reports: $(READY) ## the reporting views against naive queries, at half a million and five million rows
	@$(BIN)/python bench/bench_reports.py

bench-write: $(READY) ## what keeping a snapshot costs over a plain insert
	@$(BIN)/python bench/bench_write.py

lock: LOCKED = $(patsubst %,--extra %,mysql $(subst $(COMMA), ,$(EXTRAS)))
lock: $(READY) ## freeze today's versions into the constraints files
	@$(BIN)/uv pip compile pyproject.toml --group dev $(LOCKED) $(EXCLUDED) --upgrade --quiet --no-header --no-annotate \
		--python-version 3.11 --output-file $(CONSTRAINTS)
	@$(BIN)/uv pip compile pyproject.toml --group test --group emulators --extra postgres --extra redshift --extra snowflake \
		--extra sqlite --upgrade --quiet --no-header --no-annotate --python-version 3.11 --output-file $(EMULATOR_CONSTRAINTS)
	@$(BIN)/uv pip compile --group dbt --upgrade --quiet --no-header --no-annotate --python-version 3.11 --output-file constraints/dbt.txt
	@$(BIN)/python tools/matrix.py --lock
	@$(BIN)/uv pip compile pyproject.toml --group distributed $(LOCKED) --constraints $(CONSTRAINTS) --upgrade --quiet --no-header --no-annotate \
		--python-version 3.11 --output-file $(CELERY)
	@grep -vxFf $(CONSTRAINTS) $(CELERY) > $(CELERY).new && mv $(CELERY).new $(CELERY)

clean: ## remove everything that the other targets made
	rm -rf $(VENV) .venv-dbt $(EMULATORS) .venv-matrix $(VENV)-distributed .airflow build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
