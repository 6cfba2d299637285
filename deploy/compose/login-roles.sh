#!/bin/sh
# Postgres runs this once, on an empty data folder: the two logins that the services use (docs/install.md).
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
  --set=api="$TIDEGATE_API_PASSWORD" --set=worker="$TIDEGATE_WORKER_PASSWORD" <<'SQL'
CREATE ROLE tidegate_api NOLOGIN;
CREATE ROLE tidegate_worker NOLOGIN;
CREATE ROLE tidegate_api_login LOGIN PASSWORD :'api' IN ROLE tidegate_api;
CREATE ROLE tidegate_worker_login LOGIN PASSWORD :'worker' IN ROLE tidegate_worker;
SQL
