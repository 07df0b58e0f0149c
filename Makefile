# Pressroom: what can be made here. Everything else is cargo's.

CARGO ?= cargo
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## publish real packages with hooks into target/demo, and let apt judge
	@script/setup demo
	@demo/run

.PHONY: test
test: ## run every test; installs what they need
	@script/setup test
	python3 -m unittest discover --start-directory tests/bench --pattern '*_test.py'
	$(CARGO) test --workspace --no-fail-fast

# Seconds for each target, and which: FUZZ="60 deb tar".
FUZZ ?= 600

.PHONY: fuzz
fuzz: ## give what reads other people's bytes ten minutes each of bytes that nobody would send
	@script/setup fuzz
	@fuzz/run $(FUZZ)

.PHONY: build
build: ## build pressroom and its hooks, optimised
	@script/setup build
	$(CARGO) build --release --package pressroom
	$(CARGO) build --profile plugin --target wasm32-wasip2 --package announce --package checksums \
		--package command-not-found --package feed --package indices --package mirror-push --package trace --package webhook

.PHONY: deb
deb: ## make a Debian package of Pressroom into target/debian, and let lintian judge
	@script/setup deb
	$(CARGO) build --release --package pressroom
	@packaging/deb

# What `make bench` measures; BENCH=--help says what there is.
BENCH ?= --ten-times

.PHONY: bench
bench: ## measure beside aptly, apt-ftparchive and reprepro; writes tests/bench/RESULTS.md
	@script/setup bench
	$(CARGO) build --release --package pressroom
	@python3 tests/bench $(BENCH)

.PHONY: bench-quick
bench-quick: ## the same with 5,000 packages, in two minutes; writes nothing but target/bench
	@script/setup bench
	$(CARGO) build --release --package pressroom
	@python3 tests/bench --quick

# HOOKS=--help says what there is.
HOOKS ?=

.PHONY: bench-hooks
bench-hooks: ## measure a hook's call beside run-parts; writes nothing but target/bench/hooks.json
	@script/setup bench
	$(CARGO) build --release --package pressroom
	$(CARGO) build --profile plugin --target wasm32-wasip2 --package trace
	@python3 tests/bench/hooks.py $(HOOKS)

.PHONY: lint
lint: ## formatting and clippy, as the checks have them
	@script/setup test
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

.PHONY: clean
clean: ## remove everything that was made
	$(CARGO) clean
