#!/usr/bin/env bash
# Tries what `make localstack-deploy` deployed: the README's curl tour, and the official
# conformance suite. Both are run, whatever the first one says; README.md beside this file
# tells which failures are LocalStack's.
set -euo pipefail
cd "$(dirname "$0")/.."

url=$(node localstack/output.mjs Url)
export BASE_URL=${url%/v1/stream/}
failed=0
echo "The README's curl tour at $BASE_URL:"
go test -count=1 -run '^TestCurlTour$' -v ./localstack/server || failed=1
echo "The conformance suite at $BASE_URL:"
LONG_POLL_TIMEOUT_MS=3000 npm run -s conformance || failed=1
exit "$failed"
