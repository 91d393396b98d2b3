# Apus: `make test` is what counts. Every target says in one line what it is for; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PREFIX ?= /usr/local
SCRATCH ?= .build
# Own targets treat warnings as errors; imports of undeclared targets are errors too.
export APUS_STRICT := 1
SWIFT_FLAGS := --scratch-path $(SCRATCH) --explicit-target-dependency-import-check error
RELEASE := $(SCRATCH)/release/apus

.PHONY: help setup build release test test-doubles conformance demo journeys lint format bench docs package install ci test-exports test-airflow test-servers

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## installs the Debian packages that are missing
	scripts/setup

build: ## debug build
	swift build $(SWIFT_FLAGS)

release: ## optimised program with Swift's libraries inside: .build/release/apus
	swift build $(SWIFT_FLAGS) -c release --product apus --static-swift-stdlib

test: setup ## builds with warnings as errors, then runs every test
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --disable-xctest 2>&1 | scripts/failures-last

test-doubles: setup ## the doubles of Tests/Doubles against curl, mariadb and drivers that are not ours
	python3 -m unittest discover -t Tests/Doubles/starrocks -s Tests/Doubles/starrocks/tests

conformance: setup ## only the conformance suites
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --filter ConformanceTests

test-exports: release ## what `apus export` writes, read by the schema of Kubernetes and the SDK of DolphinScheduler (from PyPI)
	APUS=$(abspath $(RELEASE)) scripts/check-exports kubernetes dolphinscheduler

test-servers: setup ## the suites against PostgreSQL 18 and OceanBase, from PyPI, as root; not in CI
	swift build $(SWIFT_FLAGS) --build-tests
	SCRATCH=$(SCRATCH) scripts/test-servers postgres
	SCRATCH=$(SCRATCH) scripts/test-servers oceanbase

test-airflow: release ## runs an exported DAG in Airflow 3, installed from PyPI; not in CI
	APUS=$(abspath $(RELEASE)) scripts/check-exports airflow

journeys: ## only the stories of Journeys/
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --filter JourneyTests

demo: setup release ## copies a small shop from SQLite to SQLite and shows plan, progress and closing table
	APUS=$(abspath $(RELEASE)) scripts/demo

lint: ## formatting, floors, links, file lengths
	swift format lint --strict --parallel --recursive Package.swift Sources Tests
	scripts/check-imports
	scripts/check-lengths
	scripts/check-links

format: ## formats the Swift files in place
	swift format --in-place --parallel --recursive Package.swift Sources Tests

bench: release ## answers the questions of Benchmarks/ (one: make bench Q=mariadb-to-postgres)
	APUS=$${APUS:-$(abspath $(RELEASE))} python3 Benchmarks/run.py $(Q)

docs: release ## writes the generated pages and the picture again and checks all links
	python3 Benchmarks/run.py --page
	APUS=$(abspath $(RELEASE)) scripts/cli-page
	APUS=$(abspath $(RELEASE)) scripts/picture
	scripts/check-links

package: release ## dist/: a .deb that declares its libraries, and a tarball
	rm -rf $(SCRATCH)/package && $(MAKE) --no-print-directory install-tree DESTDIR=$(abspath $(SCRATCH)/package) PREFIX=/usr
	scripts/package $(abspath $(SCRATCH)/package) $(VERSION)

install: release ## the program and its shell completions into PREFIX (/usr/local)
	@$(MAKE) --no-print-directory install-tree

# A version such as 0.1.0 out of `apus --version`.
VERSION = $(shell $(RELEASE) --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+~]*' | head -n 1 | grep . || echo 0.0.0)

.PHONY: install-tree
install-tree:
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	  $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 755 -s $(RELEASE) $(DESTDIR)$(PREFIX)/bin/apus
	install -d $(DESTDIR)$(PREFIX)/share/apus/datax/bin
	install -m 755 bin/datax.py $(DESTDIR)$(PREFIX)/share/apus/datax/bin/datax.py
	$(RELEASE) --generate-completion-script bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/apus
	$(RELEASE) --generate-completion-script zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_apus
	$(RELEASE) --generate-completion-script fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/apus.fish

ci: ## what continuous integration runs
	.ci/run
