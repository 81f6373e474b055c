#!/usr/bin/env bash
# Deploys the stack to the LocalStack of `make localstack-up`, and prints where streams are.
# The settings of the stack may be set; those below are what LocalStack needs.
set -euo pipefail
cd "$(dirname "$0")/.."

# LocalStack sends a response when it is complete, so none should take long.
export LONG_POLL_WAIT=${LONG_POLL_WAIT:-3s} SSE_LIFETIME=${SSE_LIFETIME:-3s}
# Nobody else is there, and nothing is to stay.
export AUTH_MODE=${AUTH_MODE:-off} REMOVAL_POLICY=${REMOVAL_POLICY:-destroy}
# cdklocal drops the AWS_ variables of the user, who may have an account, but for these.
export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ENVAR_ALLOWLIST=AWS_REGION,AWS_DEFAULT_REGION
# A bucket that is set for something else is not the stack's.
unset S3_ENDPOINT BUCKET_NAME BUCKET_SECRET

cdklocal=node_modules/.bin/cdklocal
"$cdklocal" bootstrap aws://000000000000/us-east-1
"$cdklocal" deploy --require-approval never --outputs-file bin/localstack.outputs.json
node localstack/output.mjs Url
