#!/usr/bin/env bash
# Tidegate for development with docker compose: starts everything, makes the first token (once), and writes
# build/dev.env, which holds it with the keys of the S3, for your shell and for upload-to-minio.sh. Safe to repeat. With
# a kubeconfig ($TIDEGATE_KUBECONFIG, $KUBECONFIG or ~/.kube/config) the worker runs, too. How to begin anew:
# docs/compose.md.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077

die() { echo "dev-bootstrap.sh: $*" >&2; exit 1; }

[ $# -eq 0 ] || die "usage: dev-bootstrap.sh (it takes no arguments)"
anew="docker compose --profile cluster down --volumes && rm -f build/dev.env"

kubeconfig="${TIDEGATE_KUBECONFIG:-${KUBECONFIG:-$HOME/.kube/config}}"
profile=() wait=(s3 api templates)
if [ -f "$kubeconfig" ]; then
  # The worker reads your kubeconfig, which only you may: it runs as you.
  TIDEGATE_UID=$(id -u)
  export TIDEGATE_KUBECONFIG="$kubeconfig" TIDEGATE_UID
  profile=(--profile cluster) wait+=(worker)
else
  echo "no kubeconfig at $kubeconfig: the worker is not started, so endpoints are stored and nothing acts on them"
fi

docker compose ${profile[@]+"${profile[@]}"} up --build --detach --wait "${wait[@]}"

# Any answer will do: without a signature it is a refusal.
curl --silent --output /dev/null --noproxy '*' --max-time 5 --retry 60 --retry-delay 1 --retry-all-errors \
  http://127.0.0.1:8333/ ||
  die "the S3 does not answer at http://127.0.0.1:8333: docker compose logs s3 says why"

keys=$(docker compose exec -T api cat /run/tidegate/aws_credentials | sed -n \
  -e 's/^aws_access_key_id = /export AWS_ACCESS_KEY_ID=/p' \
  -e 's/^aws_secret_access_key = /export AWS_SECRET_ACCESS_KEY=/p')
[[ $keys == *ACCESS_KEY_ID=?*SECRET_ACCESS_KEY=?* ]] || die "the API's container has no keys of the S3. Anew: $anew"

# Other keys than these belong to an installation that is gone, and so does its token.
mkdir -p build
if [ ! -s build/dev.env ] || [[ $(<build/dev.env) != *"$keys"* ]]; then
  token=$(docker compose exec -T api python -m tidegate.store first-token) ||
    die "build/dev.env does not hold the first token. Its secret is not shown again. Anew: $anew"
  {
    echo "export TIDEGATE_URL=http://127.0.0.1:8080"
    echo "export TIDEGATE_TOKEN=$token"
    echo "export AWS_ENDPOINT_URL=http://127.0.0.1:8333"
    echo "export AWS_REGION=us-east-1"
    echo "$keys"
  } > build/dev.env.new
  mv build/dev.env.new build/dev.env
fi

cat <<'NEXT'
Tidegate runs. In your shell:
  . build/dev.env
  tidegate doctor
A model to begin with:
  ./examples/triton/upload-to-minio.sh
NEXT
