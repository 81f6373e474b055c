# Every command of the README is here, and CI runs them. `make help` lists them.

SHELL := /bin/bash
GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 30s

# How functions are built for Lambda. GOARCH=arm64 is what is deployed.
LAMBDA_BUILD := CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath -ldflags='-s -w' -tags lambda.norpc
FUNCTIONS := api apibuffered compact sweep

.PHONY: help run run-lambda invoke fsck build functions build-lambda test check vet test-go test-stores conformance clients test-implementation perf cdn bench bench-lambda bench-engines cost fuzz clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: build ## build and start the local server (PORT, DATA_DIR, ... see README)
	@exec ./bin/server

run-lambda: build-lambda ## build and run the Lambda functions locally, on stand-ins for DynamoDB and S3 (PORT, DYNAMODB_ENDPOINT, ... see README)
	@exec ./bin/lambda

invoke: build-lambda ## run one event through the function: make invoke EVENT=events/...
	@exec ./bin/lambda invoke $(EVENT)

fsck: ## check what is stored: make fsck, or make fsck ARGS='-v name ...' (STORE, DATA_DIR, ... see README)
	@$(GO) build -trimpath -o bin/fsck ./localstack/fsck
	@exec ./bin/fsck $(ARGS)

# The host runs the functions as they are deployed, but built for this machine.
build-lambda: node_modules ## build the Lambda host, and the functions for this machine
	@$(GO) build -trimpath -o bin/lambda ./localstack/lambda
	@for f in $(FUNCTIONS); do $(LAMBDA_BUILD) -o bin/$$f/bootstrap ./functions/$$f || exit 1; done

functions: ## build the functions for AWS (linux/arm64) into bin/arm64/
	@for f in $(FUNCTIONS); do GOARCH=arm64 $(LAMBDA_BUILD) -o bin/arm64/$$f/bootstrap ./functions/$$f || exit 1; done

build: ## build the local server into bin/
	@$(GO) build -trimpath -o bin/server ./localstack/server

test: check test-go conformance clients ## everything that CI runs

check: vet ## formatting, go vet, staticcheck
	@test -z "$$(gofmt -l functions infra pkg localstack 2>/dev/null)" || { echo "gofmt is needed:"; gofmt -l functions infra pkg localstack 2>/dev/null; exit 1; }
	$(GO) run $(STATICCHECK) ./...

vet:
	$(GO) vet ./...
	cd localstack/enginebench && $(GO) vet ./...

# The driver suites run once more without the detector, which makes them sample.
test-go: node_modules ## Go tests with the race detector; fuzz targets run their seeds
	$(GO) test -race -timeout 25m ./...
	$(GO) test -timeout 20m ./pkg/memory ./pkg/embedded

node_modules: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch node_modules

# The long-poll must be shorter than a test's timeout. The README's `make invoke` is tried
# on the way.
ifdef BASE_URL
conformance: node_modules
	npm run -s conformance
else
conformance: build build-lambda ## the official conformance suite: on both local stores and the Lambda host, or on the server at BASE_URL
	STORE=memory LONG_POLL_WAIT=3s localstack/acceptance/with-server.sh npm run -s conformance
	STORE=embedded LONG_POLL_WAIT=3s localstack/acceptance/with-server.sh npm run -s conformance
	STORE=embedded LONG_POLL_WAIT=3s SEGMENT_MAX_MESSAGES=3 localstack/acceptance/with-server.sh npm run -s conformance
	data=$$(mktemp -d) && DATA_DIR=$$data ./bin/lambda invoke events/functionurl/create.json | grep -q '^HTTP 201'; status=$$?; rm -rf $$data; exit $$status
	SERVER=lambda LONG_POLL_WAIT=3s LAMBDA_MAX_REQUESTS=50 localstack/acceptance/with-server.sh npm run -s conformance
	SERVER=lambda LONG_POLL_WAIT=3s SEGMENT_MAX_MESSAGES=3 localstack/acceptance/with-server.sh npm run -s conformance
endif

clients: build build-lambda ## the official npm client, StreamDB and Yjs provider against the server and the Lambda host
	STORE=embedded localstack/acceptance/with-server.sh npm run -s clients
	SERVER=lambda localstack/acceptance/with-server.sh npm run -s clients

test-implementation: ## what a server must do beyond the suite: restarts, crashes, races, ... (IMPLEMENTATION_TEST_URL, _RESTART)
	$(GO) test -count=1 -v ./localstack/implementation

ifdef PERF_BASE_URL
perf:
	@$(GO) run ./localstack/perf
else
perf: build ## latencies of a server, one request at a time (PERF_BASE_URL, PERF_BUDGET_MS, ... see README)
	@localstack/acceptance/with-server.sh $(GO) run ./localstack/perf
endif

cdn: ## what a caching proxy in front saves, with 500 long-poll readers
	$(GO) test -count=1 -v ./localstack/cdn -readers 500 -events 40

bench: build node_modules ## the server and the npm reference server through HTTP, with ratios
	$(GO) run ./localstack/bench -server ./bin/server $(BENCH_FLAGS)

bench-lambda: build-lambda functions ## what the functions cost in requests, units and round trips, and how they start
	@$(GO) run ./localstack/lambdabench $(BENCH_FLAGS)

cost: ## what a deployment costs a month, and elsewhere: make cost, or make cost ARGS='-example chat' (ARGS=-h lists more)
	@$(GO) run ./infra/cost $(ARGS)

bench-engines: ## the comparison of storage engines behind the choice in DESIGN.md
	cd localstack/enginebench && $(GO) run . -dir "$${TMPDIR:-/tmp}" -seconds 3

fuzz: ## run every fuzz target for FUZZTIME (default 30s) each
	@for dir in $$($(GO) list -f '{{.Dir}}' ./...); do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go 2>/dev/null | sed 's/func //'); do \
	    echo "$$dir $$target"; (cd $$dir && $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) .) || exit 1; \
	  done; \
	done

clean: ## remove what was built; data in .data stays
	rm -rf bin node_modules
