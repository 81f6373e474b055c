# Every command of the README is here, and CI runs them. `make help` lists them.

SHELL := /bin/bash
GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
FUZZTIME ?= 30s
FAULTTIME ?= 1m
SIMTIME ?= 10m
SEED ?= 0
KILLTIME ?= 2m
LINEARTIME ?= 2m

# How functions are built for Lambda. GOARCH=arm64 is what is deployed.
# The same source gives the same bytes, wherever it is (make reproducible), so that a
# deployment without changes changes nothing.
LAMBDA_BUILD := CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath -buildvcs=false -ldflags='-s -w' -tags lambda.norpc
FUNCTIONS := api apibuffered compact sweep

# Every command with a help text.
.PHONY: FORCE vet $(shell sed -nE 's/^([a-z-]+):.*\#\#.*/\1/p' $(firstword $(MAKEFILE_LIST)))

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

# What the CDK command line runs (cdk.json). It is built with the flags of `go vet` and
# `go test`, so that CDK is compiled once.
bin/infra: FORCE
	@$(GO) build -o bin/infra ./infra

CDK := node_modules/.bin/cdk

synth: node_modules functions bin/infra ## write what would be deployed into bin/cdk.out; needs no account (STACK_NAME, ... see README)
	@$(CDK) synth --quiet
	@ls bin/cdk.out/*.template.json

bootstrap: node_modules functions bin/infra ## prepare an AWS account and region for deployments, once
	@$(CDK) bootstrap

diff: node_modules functions bin/infra ## show what `make deploy` would change
	@$(CDK) diff

deploy: node_modules functions bin/infra ## deploy the stack, and print its URL and a first request
	@$(CDK) deploy

destroy: node_modules functions bin/infra ## delete the stack, after asking; table and buckets stay, unless it was deployed with REMOVAL_POLICY=destroy
	@echo "Table and buckets stay, with all streams, and cost their storage; tokens, logs and alarms go."
	@echo "If the stack was deployed with REMOVAL_POLICY=destroy, ALL STREAMS ARE DELETED; its buckets must be empty."
	@$(CDK) destroy

IMAGE ?= durable-streams
DOCKER := localstack/with-docker.sh docker

image: ## build the container image (IMAGE, default durable-streams); needs Docker
	$(DOCKER) build -f functions/container/Dockerfile -t $(IMAGE) .

localstack-up: ## start LocalStack, with a table and a bucket in it; needs Docker
	@$(DOCKER) compose -f localstack/compose.yaml up --detach --wait
	@DYNAMODB_ENDPOINT=http://127.0.0.1:4566 S3_ENDPOINT=http://127.0.0.1:4566 $(GO) run ./localstack/stores

localstack-down: ## stop LocalStack; what was in it is gone
	@$(DOCKER) compose -f localstack/compose.yaml down

localstack-deploy: node_modules functions bin/infra ## deploy the stack to the LocalStack of localstack-up, and print where streams are
	@localstack/with-docker.sh localstack/deploy.sh

localstack-smoke: ## start LocalStack, deploy, and run the README's tour and the conformance suite there
	@$(MAKE) --no-print-directory localstack-up localstack-deploy
	@localstack/smoke.sh

smoke-aws: ## check a server that was deployed, in half a minute: make smoke-aws URL=https://.../v1/stream/ [TOKEN=...]
	@$(GO) run ./localstack/smoke "$(URL)"

# SAM runs the functions of the template, built for this machine.
sam-invoke: build-lambda ## run one event through the stack's function in SAM CLI's container, on LocalStack: make sam-invoke EVENT=events/...
	@HTTP_API=true $(MAKE) --no-print-directory synth >/dev/null
	@localstack/with-docker.sh $(GO) run ./localstack/sam invoke $(EVENT)

sam-start-lambda: build-lambda ## answer the API of Lambda with SAM CLI, on LocalStack
	@HTTP_API=true $(MAKE) --no-print-directory synth >/dev/null
	@localstack/with-docker.sh $(GO) run ./localstack/sam start-lambda

test-docker: ## everything that needs Docker: the image, LocalStack; says what it skips without
	@WITHOUT_DOCKER=skip localstack/with-docker.sh $(MAKE) --no-print-directory image localstack-smoke

# Each time with a cache of its own, which would give the same bytes otherwise.
reproducible: ## build the functions twice, in two folders, and compare
	@a=$$(mktemp -d) && b=$$(mktemp -d) && trap 'rm -rf $$a $$b' EXIT && \
	for dir in $$a $$b; do mkdir $$dir/src && cp -r go.mod go.sum pkg functions $$dir/src || exit 1; done && \
	for dir in $$a $$b; do for f in $(FUNCTIONS); do \
	  (cd $$dir/src && GOCACHE=$$dir/cache GOARCH=arm64 $(LAMBDA_BUILD) -o ../$$f ./functions/$$f) || exit 1; done; done && \
	for f in $(FUNCTIONS); do cmp $$a/$$f $$b/$$f && echo "$$f $$(sha256sum < $$a/$$f)" || exit 1; done

build: ## build the local server into bin/
	@$(GO) build -trimpath -o bin/server ./localstack/server

test: check test-go conformance clients ## everything that CI runs

check: vet ## formatting, go vet, staticcheck
	@test -z "$$(gofmt -l functions infra pkg localstack 2>/dev/null)" || { echo "gofmt is needed:"; gofmt -l functions infra pkg localstack 2>/dev/null; exit 1; }
	$(GO) run $(STATICCHECK) ./...

vet:
	$(GO) vet ./...
	cd localstack/enginebench && $(GO) vet ./...

# What takes longest begins first. The driver suites run once more without the detector,
# which makes them sample; those on the official stand-in of DynamoDB run only without. So do
# the stack, as CDK would have to be compiled once more, the mutants, which compile the core,
# and the tables in simulated time.
test-go: node_modules ## Go tests with the race detector; fuzz targets run their seeds
	$(GO) test -race -timeout 25m ./pkg/dynamo ./pkg/embedded $$($(GO) list ./... | grep -vE '/(infra|localstack/(mutants|lambdabench))\b')
	$(GO) test -timeout 20m ./infra/... ./pkg/memory ./pkg/embedded ./pkg/streamtest/simulation ./localstack/mutants ./localstack/lambdabench
	$(GO) test -timeout 20m -run Official ./pkg/dynamo

node_modules: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch node_modules

# A server that wants a JWT, whose streams are a tenant's.
CONFORMANCE_JWT := AUTH_MODE=jwt AUTH_JWT_SECRET=conformance-0123456789abcdef0123 AUTH_TENANT_CLAIM=org

# The long-poll must be shorter than a test's timeout. The README's `make invoke` and `make
# smoke-aws` are tried on the way. The last run is with tokens, and once more without: then
# nothing must work.
ifdef BASE_URL
conformance: node_modules
	npm run -s conformance
else
conformance: build build-lambda ## the official conformance suite: on both local stores, the Lambda host and with tokens, or on the server at BASE_URL
	STORE=memory LONG_POLL_WAIT=3s localstack/acceptance/with-server.sh npm run -s conformance
	STORE=embedded LONG_POLL_WAIT=3s localstack/acceptance/with-server.sh npm run -s conformance
	STORE=embedded LONG_POLL_WAIT=3s SEGMENT_MAX_MESSAGES=3 localstack/acceptance/with-server.sh npm run -s conformance
	data=$$(mktemp -d) && DATA_DIR=$$data ./bin/lambda invoke events/functionurl/create.json | grep -q '^HTTP 201'; status=$$?; rm -rf $$data; exit $$status
	SERVER=lambda localstack/acceptance/with-server.sh bash -c '$(MAKE) --no-print-directory smoke-aws URL=$$BASE_URL/v1/stream/'
	SERVER=lambda LONG_POLL_WAIT=3s LAMBDA_MAX_REQUESTS=50 localstack/acceptance/with-server.sh npm run -s conformance
	SERVER=lambda LONG_POLL_WAIT=3s SEGMENT_MAX_MESSAGES=3 localstack/acceptance/with-server.sh npm run -s conformance
	$(CONFORMANCE_JWT) STORE=memory LONG_POLL_WAIT=3s localstack/acceptance/with-server.sh bash -c 'npm run -s conformance && npm run -s refused'
endif

clients: build build-lambda ## the official npm client, StreamDB and Yjs provider against the server and the Lambda host
	STORE=embedded localstack/acceptance/with-server.sh npm run -s clients
	SERVER=lambda localstack/acceptance/with-server.sh npm run -s clients

test-implementation: ## what a server must do beyond the suite: restarts, crashes, races, ... (IMPLEMENTATION_TEST_URL, _RESTART)
	$(GO) test -count=1 -v ./localstack/implementation

# Small segments, so that compaction has something to do.
SOAK := SEGMENT_MAX_MESSAGES=$${SEGMENT_MAX_MESSAGES:-100} ADMIN_TOKEN=$${ADMIN_TOKEN:-soak-0123456789abcdef}

ifdef BASE_URL
soak: bin/soak
	@exec ./bin/soak
else
soak: build build-lambda bin/soak ## a steady load for SOAKTIME (default 1h) at RATE requests a second, and whether anything grows (SERVER=lambda, BASE_URL, ... see README)
	@$(SOAK) localstack/acceptance/with-server.sh ./bin/soak
endif

bin/soak: FORCE
	@$(GO) build -trimpath -o bin/soak ./localstack/soak

ifdef PERF_BASE_URL
perf:
	@$(GO) run ./localstack/perf
else
perf: build ## latencies of a server, one request at a time (PERF_BASE_URL, PERF_BUDGET_MS, ... see README)
	@localstack/acceptance/with-server.sh $(GO) run ./localstack/perf
endif

cdn: ## what a caching proxy in front saves, with 500 long-poll readers
	$(GO) test -count=1 -v ./localstack/cdn -readers 500 -events 40

bench: build node_modules ## the server, the npm reference server and a ceiling through HTTP, with ratios; with BASE_URL=http://... that server, too
	$(GO) run ./localstack/bench -server ./bin/server -ceiling $(BENCH_FLAGS)

# Without NEW the server is measured now, as often as benchstat needs for a confidence of 95 %.
bench-compare: build ## differences to a report of before, by benchstat: make bench-compare BASELINE=before.json [NEW=after.json]
	@test -f "$(BASELINE)" || { echo "BASELINE must name a file that make bench BENCH_FLAGS='-json file' wrote"; exit 2; }
	@dir=$$(mktemp -d) && trap 'rm -rf $$dir' EXIT && new="$(NEW)" && \
	if [ -z "$$new" ]; then new=$$dir/new.json; $(GO) run ./localstack/bench -server ./bin/server -reference=false -rounds 6 -json $$new $(BENCH_FLAGS) >/dev/null || exit 1; fi && \
	$(GO) run ./localstack/bench -gobench "$(BASELINE)" >$$dir/before && $(GO) run ./localstack/bench -gobench "$$new" >$$dir/after && \
	$(GO) run $(BENCHSTAT) -ignore machine,disk -filter '/server:ours' $$dir/before $$dir/after

bench-lambda: build-lambda functions ## what the functions cost and wait for, by request and setting; their processor time and start
	@$(GO) run ./localstack/lambdabench $(BENCH_FLAGS)

READERS ?= 1,100,1000,10000

bench-live: build node_modules ## what live readers cost one process: READERS=1000,10000, on the local server and in the container (4 minutes)
	@$(GO) build -trimpath -o bin/container ./functions/container
	@$(GO) run ./localstack/livebench -readers $(READERS) $(BENCH_FLAGS)

bench-scale: node_modules ## what operations cost as streams and stores grow, with plots in docs/plots (BENCH_FLAGS='-messages 10000' for a quick one)
	@$(GO) run ./localstack/scalebench -plots docs/plots $(BENCH_FLAGS)

cost: ## what a deployment costs a month, and elsewhere: make cost, or make cost ARGS='-example chat' (ARGS=-h lists more)
	@$(GO) run ./infra/cost $(ARGS)

kill: node_modules ## kill processes of the embedded server and of the Lambda host under load, for KILLTIME (default 2m) each
	$(GO) test -count=1 -timeout 0 -v ./localstack/kill -killtime $(KILLTIME)

linearize: ## random histories under a deterministic schedule, with faults and crashes, for LINEARTIME (default 2m)
	$(GO) test -count=1 -timeout 0 -v ./localstack/linear -run TestWorlds -time $(LINEARTIME)

bench-engines: ## the comparison of storage engines behind the choice in DESIGN.md
	cd localstack/enginebench && $(GO) run . -dir "$${TMPDIR:-/tmp}" -seconds 3

fuzz: ## run every fuzz target for FUZZTIME (default 30s) each
	@for dir in $$($(GO) list -f '{{.Dir}}' ./...); do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go 2>/dev/null | sed 's/func //'); do \
	    echo "$$dir $$target"; (cd $$dir && $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) .) || exit 1; \
	  done; \
	done

# A seed of 0 draws one, and a failure prints it.
faults: ## let requests to table and bucket, and changes of the table, go wrong at random: FAULTTIME (1m) each, SEED
	$(GO) test -count=1 -v -timeout 0 ./localstack/faults -run '^TestRandomFaults$$' -faulttime $(FAULTTIME) -seed $(SEED)
	$(GO) test -count=1 -v -timeout 0 ./localstack/lambda -run '^TestRandomFaults$$' -faulttime $(FAULTTIME) -seed $(SEED)
	$(GO) test -count=1 -v -timeout 0 ./functions/compact -run '^TestChangesGoWrong$$' -faulttime $(FAULTTIME) -seed $(SEED)

simulate: ## simulate random worlds for SIMTIME (default 10m), or the one of a SEED, call by call
	$(GO) test -count=1 -v -timeout 0 -run '^TestWorlds$$' ./pkg/streamtest/simulation -simtime $(SIMTIME) -simseed $(SEED)

mutants: ## break the server in many ways; the suite must notice each: make mutants, or make mutants ARGS='-run fork'
	@$(GO) run ./localstack/mutants $(ARGS)

clean: ## remove what was built; data in .data stays
	rm -rf bin node_modules
