#!/usr/bin/env bash
# Tidegate for development with docker compose: makes .env with fresh passwords (once), starts everything, makes the
# first token (once). Safe to repeat. With a kubeconfig ($TIDEGATE_KUBECONFIG, $KUBECONFIG or ~/.kube/config) the worker
# runs, too. `docker compose --profile cluster down --volumes` and `rm .env` begin anew.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077

secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

if [ ! -e .env ]; then
  {
    for name in POSTGRES_PASSWORD TIDEGATE_API_PASSWORD TIDEGATE_WORKER_PASSWORD S3_ACCESS_KEY S3_SECRET_KEY; do
      echo "$name=$(secret)"
    done
    # The worker reads your kubeconfig, which only you may: it runs as you.
    echo "TIDEGATE_UID=$(id -u)"
  } > .env.new
  mv .env.new .env
  echo "made .env with fresh passwords"
fi

kubeconfig="${TIDEGATE_KUBECONFIG:-${KUBECONFIG:-$HOME/.kube/config}}"
profile=() wait=(s3 api templates)
if [ -f "$kubeconfig" ]; then
  export TIDEGATE_KUBECONFIG="$kubeconfig"
  profile=(--profile cluster) wait+=(worker)
else
  echo "no kubeconfig at $kubeconfig: the worker is not started, so endpoints are stored and nothing acts on them"
fi

docker compose ${profile[@]+"${profile[@]}"} up --build --detach --wait "${wait[@]}"

mkdir -p build
if [ ! -s build/dev-token ]; then
  docker compose exec -T api python -m tidegate.store first-token > build/dev-token.new
  mv build/dev-token.new build/dev-token
fi

cat <<'NEXT'
Tidegate runs. In your shell:
  export TIDEGATE_URL=http://127.0.0.1:8080 TIDEGATE_TOKEN="$(cat build/dev-token)"
  set -a; . ./.env; set +a
  export AWS_ENDPOINT_URL=http://127.0.0.1:8333 AWS_ACCESS_KEY_ID="$S3_ACCESS_KEY" AWS_SECRET_ACCESS_KEY="$S3_SECRET_KEY"
  tidegate doctor
NEXT
