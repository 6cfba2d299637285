#!/bin/sh
# The passwords and keys of a development installation, made at random on its first start and kept on every later one.
#
#   make-secrets.sh FOLDER
#
# FOLDER holds a folder for each reader: postgres, s3, api, worker. Each is a volume that its reader alone mounts, so
# the files may be readable by any user of that container. Secrets go from file to file: never into an argument, a
# variable of a container or the log.
set -eu
umask 022

die() { echo "make-secrets.sh: $*" >&2; exit 1; }

[ $# -eq 1 ] || die "usage: make-secrets.sh FOLDER"
folder=$1
for reader in postgres s3 api worker; do
  [ -d "$folder/$reader" ] || die "$folder/$reader is not a folder: mount the volume of $reader there"
done

# FILE: standard input becomes its content, whole or not at all.
write() { cat > "$1.new" && mv "$1.new" "$1"; }

# FILE: 192 random bits as 48 hexadecimal digits, unless it is there.
once() {
  [ ! -s "$1" ] || return 0
  secret=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
  [ ${#secret} -eq 48 ] || die "/dev/urandom gave no random bytes"
  printf '%s' "$secret" | write "$1"
}

# ROLE PASSWORD_FILE HOST: the URL of the database for one login.
url() { printf 'postgresql://%s:%s@%s:5432/tidegate\n' "$1" "$(cat "$2")" "$3"; }

credentials() {
  printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$access_key" "$secret_key"
}

for name in owner api worker; do once "$folder/postgres/$name"; done
for name in access-key secret-key; do once "$folder/s3/$name"; done
access_key=$(cat "$folder/s3/access-key")
secret_key=$(cat "$folder/s3/secret-key")

write "$folder/s3/s3.json" <<JSON
{"identities": [{"name": "tidegate", "credentials": [{"accessKey": "$access_key", "secretKey": "$secret_key"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
url tidegate "$folder/postgres/owner" postgres | write "$folder/postgres/tidegate_database_url"
url tidegate_api_login "$folder/postgres/api" postgres | write "$folder/api/tidegate_database_url"
# The worker runs on the host's network.
url tidegate_worker_login "$folder/postgres/worker" 127.0.0.1 | write "$folder/worker/tidegate_database_url"
credentials | write "$folder/api/aws_credentials"
credentials | write "$folder/worker/aws_credentials"
