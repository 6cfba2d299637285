#!/usr/bin/env bash
# Renew the locked requirements. The files name no index: whoever installs chooses one.
set -euo pipefail
cd "$(dirname "$0")/.."
uv="${UV:-uv}"
compile() { "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-find-links --no-emit-index-url "$@"; }
compile pyproject.toml local/pyproject.toml --extra devcluster --extra kubernetes --group dev --no-emit-package tidegate -o requirements/dev.txt
compile pyproject.toml --extra server --extra s3 --extra kubernetes --extra steps -c requirements/dev.txt -o requirements/base.txt
compile requirements/build.in -c requirements/dev.txt -o requirements/build.txt
compile --no-deps requirements/go.in -o local/tidegate_local/devcluster/go-requirements.txt
compile --no-deps requirements/triton.in -o requirements/triton.txt
cp requirements/triton.txt local/tidegate_local/processes/triton-requirements.txt
compile pyproject.toml --extra kfp -o requirements/kfp.txt
