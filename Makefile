# SPDX-License-Identifier: Apache-2.0
# lastpage: everything starts here. `make` alone explains the targets.
SHELL   := /bin/sh
GO      ?= go
BIN     := ./lastpage
SOURCES := $(shell find . -name '*.go' -not -path './runs/*') $(shell find kernels dut -type f 2>/dev/null) go.mod go.sum

LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 60s

.DEFAULT_GOAL := help
.PHONY: help setup ready run matrix strategies sweep test check mutants bench bench-up bench-down bench-test lava-test nightly fuzz man clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install the Debian packages that are missing (the only step that wants root)
	@./setup.sh

$(BIN): $(SOURCES)
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -o $@ ./cmd/lastpage   # as the guest's init is built: Go's own packages are compiled once

ready:
	@$(MAKE) --no-print-directory -j2 setup $(BIN)   # packages are fetched while Go compiles

run: ready ## boot stock kernels, provoke WARN + NMI panic, print how complete each flush strategy was
	$(BIN) run

matrix: ready ## every strategy in every scenario (builds a kernel the first time), as tables for a mail and as JSON
	$(BIN) matrix

strategies: matrix

sweep: ready ## a WARN interrupted at 1000 points of its course, for each strategy, on one CPU and on two
	$(BIN) sweep --strategy legacy,inline,deferred,explicit,kthread-only,newest-first --board qemu-smp1
	$(BIN) sweep --strategy legacy,inline,deferred,explicit,kthread-only,newest-first

test: setup check $(BIN) ## everything that can fail: linters, unit tests, replayed trials, real kernels on QEMU
	$(GO) test -timeout 60m ./...   # the specs boot kernels; go's own limit of 10 minutes is for idle machines
	cd specs/example && $(GO) test ./...   # a module of its own

check: ## linters and the laws of specs/law: imports, licences, prose
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) test ./specs/law
	$(GO) run $(LINT) run --allow-parallel-runners ./...

mutants: ## every reason for which a trial is void, taken out of the judge: a test must notice
	@$(GO) test -list '^TestMutants' ./harness/... | grep -q '^TestMutants' || { echo "mutants: no TestMutants in ./harness/..."; exit 1; }
	LASTPAGE_MUTANTS=1 $(GO) test -count=1 -timeout 60m -v -run '^TestMutants' ./harness/...

bench: setup $(BIN) ## speed, as ratios taken in one run
	$(GO) test -run '^$$' -bench . ./...

# The bench of parts: U-Boot with TFTP, ser2net (RFC 2217), a BMC, switches that are commands; its inventory is .bench/boards.yaml.
PARTS   := .bench

bench-up: setup $(BIN) ## a bench put together of parts; its boards are in .bench/boards.yaml
	@mkdir -p $(PARTS); ! kill -0 $$(cat $(PARTS)/pid 2>/dev/null) 2>/dev/null || { echo "bench-up: it is up already; make bench-down takes it down"; exit 3; }
	@rm -f $(PARTS)/boards.yaml; $(GO) build -o $(PARTS)/up ./specs/parts/up
	@nohup $(PARTS)/up $(BIN) $(PARTS) >$(PARTS)/log 2>&1 & echo $$! >$(PARTS)/pid
	@n=0; until [ -s $(PARTS)/boards.yaml ]; do kill -0 $$(cat $(PARTS)/pid) 2>/dev/null && [ $$((n=n+1)) -lt 120 ] || { cat $(PARTS)/log; exit 3; }; sleep 1; done
	@grep 'not there' $(PARTS)/log || true; $(BIN) boards list --inventory $(PARTS)/boards.yaml

bench-down: ## take it down
	@! [ -f $(PARTS)/pid ] || { kill -INT $$(cat $(PARTS)/pid) 2>/dev/null; n=0; while kill -0 $$(cat $(PARTS)/pid) 2>/dev/null && [ $$((n=n+1)) -lt 60 ]; do sleep 1; done; rm -f $(PARTS)/pid; }

bench-test: bench-up ## what must hold on every board of that bench (specs/board) and of its parts (specs/bench)
	LASTPAGE_INVENTORY=$(CURDIR)/$(PARTS)/boards.yaml $(GO) test -count=1 -timeout 2h ./specs/board; rc=$$?; $(MAKE) -s bench-down; exit $$rc
	LASTPAGE_SERIES=$${LASTPAGE_SERIES:-2} $(GO) test -count=1 -timeout 60m ./specs/bench

lava-test: setup $(BIN) ## a stock LAVA job, green on a good kernel and red on a mutant, and labgrid as a client of the bridge (root; builds kernels)
	./setup.sh --labs
	LASTPAGE_STRATEGIES=1 $(GO) test -count=1 -v -timeout 3h ./specs/bench -ginkgo.v -ginkgo.label-filter='lava || labgrid'

nightly: setup $(BIN) ## every board of INVENTORY=boards.yaml: lease, check, try, report, release (docs/nightly.md)
	$(BIN) nightly $(if $(INVENTORY),--inventory $(INVENTORY))

fuzz: ## every fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; done

man: $(BIN) ## the manual pages, man/*.1, from what --help says
	$(BIN) man man

clean: ## remove what make built here (the cache of kernels stays; see `lastpage doctor` for where it is)
	rm -rf $(BIN) man
