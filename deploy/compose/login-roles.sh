#!/bin/sh
# Postgres runs this once, on an empty data folder: the two logins that the services use (docs/install.md).
# psql reads the passwords from their files: arguments are seen by everybody.
set -eu
cd "${TIDEGATE_PASSWORDS:?set it to the folder that holds the files api and worker}"
for name in api worker; do
  [ -s "$name" ] || { echo "login-roles.sh: $PWD/$name is missing or empty: make-secrets.sh makes it" >&2; exit 1; }
done
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\set api `cat api`
\set worker `cat worker`
CREATE ROLE tidegate_api NOLOGIN;
CREATE ROLE tidegate_worker NOLOGIN;
CREATE ROLE tidegate_api_login LOGIN PASSWORD :'api' IN ROLE tidegate_api;
CREATE ROLE tidegate_worker_login LOGIN PASSWORD :'worker' IN ROLE tidegate_worker;
SQL
