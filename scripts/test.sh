#!/usr/bin/env bash
# What `make test` runs: the tests on the real control plane beside all others, because both mostly wait for processes.
# Usage: scripts/test.sh BIN (the folder with python)
set -muo pipefail  # m: a job in the background may be interrupted
cd "$(dirname "$0")/.."
bin=$1 told=build/test-cluster.txt
mkdir -p build
"$bin/python" -m pytest -q --durations=12 -m "cluster and not long" tests/cluster > "$told" 2>&1 &
cluster=$!
trap 'kill -INT "$cluster" 2> /dev/null' INT TERM
"$bin/python" -m pytest -q --durations=12 -m "not cluster and not long"
others=$?
printf '\nOn the real control plane:\n'
tail --lines=+1 --follow --pid="$cluster" "$told"
wait "$cluster"
result=$?
exit $((others ? others : result))
