#!/usr/bin/env bash
# Runs a command against a local server that is started for it, on a free port of
# loopback, with an empty data directory; with SERVER=lambda against the Lambda host:
#
#   localstack/acceptance/with-server.sh npm run -s conformance
#
# The command gets BASE_URL, and SERVER_PID and SERVER_DATA, which are the server's process
# and its data directory. STORE and every other variable of the server may be
# set. The exit status is the command's; a server that does not stop cleanly fails
# the run, too.
set -euo pipefail
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
    kill -TERM "$server"
    wait "$server" || { echo "the server did not stop cleanly" >&2; cat "$scratch/log" >&2; exit 1; }
  fi
  rm -rf "$scratch"
}
trap stop EXIT

PORT=0 DATA_DIR="$scratch/data" "./bin/${SERVER:-server}" >"$scratch/out" 2>"$scratch/log" &
server=$!
for _ in $(seq 100); do
  grep -q '^Durable Streams server on ' "$scratch/out" && break
  kill -0 "$server" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
  sleep 0.1
done
url=$(sed -n 's#^Durable Streams server on \(http://[^/]*\)/.*#\1#p' "$scratch/out")
BASE_URL="$url" SERVER_PID="$server" SERVER_DATA="$scratch/data" "$@"
