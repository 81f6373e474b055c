#!/usr/bin/env bash
# Runs a command that needs Docker:
#
#   localstack/with-docker.sh docker build .
#
# Where no Docker daemon answers, it says so and exits with 3. With WITHOUT_DOCKER=skip,
# for those who ask for several things at once, it says SKIPPED and exits with 0.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v docker >/dev/null; then
  reason="docker is not installed"
elif ! reason=$(docker version --format '{{.Server.Version}}' 2>&1 >/dev/null); then
  reason=${reason:-"docker version fails"}
else
  exec "$@"
fi

if [ "${WITHOUT_DOCKER:-fail}" = skip ]; then
  echo "SKIPPED, no Docker ($reason): $*"
  exit 0
fi
echo "This needs Docker ($reason), and was not done: $*" >&2
exit 3
