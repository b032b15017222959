# Every habit in one word. `make` alone says which there are.

SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:/usr/local/go/bin:$(PATH)
TARGET := $(or $(CARGO_TARGET_DIR),target)
AX := $(TARGET)/release/ax
CLUSTER := AX_BIN=$(abspath $(AX)) tests/cluster/cluster.sh
# Something real that every machine with this project has: the sources it is built from, and itself.
REPOS ?= $(wildcard $(HOME)/.cargo/registry/src) $(CURDIR)
DATA ?= .ax-data
LISTEN ?= 127.0.0.1:7080
# How long `make fuzz` takes for each target.
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help install build run test unit fuzz lint deny bench bench-server cluster cluster-down cluster-status clean

help: ## Say what each word does
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  make run REPOS="~/src/linux https://github.com/acme/api.git"   picks the repositories'

install: ## Install what building and testing need and this machine lacks
	@tests/servers/install.sh all

build: ## Build ax, optimised
	@tests/servers/install.sh build
	cargo build --release -p ax

run: build ## Search real repositories on this machine: REPOS="PATH|URL ..."
	$(AX) serve --listen $(LISTEN) --data $(DATA) $(foreach repo,$(REPOS),--repo $(repo))

test: install ## Run every test, against real Kafka, etcd and S3 servers that the tests start and stop
	cargo build --workspace --bins --tests
	AX_BIN=$(abspath $(TARGET))/debug/ax cargo test --workspace --no-fail-fast

unit: ## Run the tests that need no servers
	cargo test --workspace --lib

fuzz: ## Fuzz what reads bytes from outside, SECONDS=60 for each target, two at a time
	@tests/servers/install.sh build
	tests/fuzz/fuzz.sh $(SECONDS)

lint: deny ## Check format, lints, documentation, dependencies and house rules
	@tests/servers/install.sh build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
	cargo test -p ax-tidy

deny: ## Check licences, bans and sources of all dependencies
	@tests/servers/install.sh deny
	@source tests/servers/common.sh && "$$cargo_deny" check licenses bans sources

bench: ## Measure the engine on Linux 6.1 source beside ripgrep: build, index size, memory, latencies
	@tests/servers/install.sh build tools
	tests/bench/bench.sh

bench-server: build ## Measure a whole server on Linux 6.1 source, over HTTP: reports in bench/
	@tests/servers/install.sh tools
	tests/bench/server.sh

cluster: build ## Start a whole cluster on this machine, each part a real process
	@$(CLUSTER) up

cluster-down: ## Stop that cluster
	@$(CLUSTER) down

cluster-status: ## Show its processes
	@$(CLUSTER) status

clean: ## Remove what was built and what `make run` and `make cluster` kept
	cargo clean
	rm -rf .cluster .ax-data
