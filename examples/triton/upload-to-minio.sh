#!/usr/bin/env bash
# Upload a Triton model repository to MinIO, or any other S3, in the layout that KServe's Triton reads.
#
#   upload-to-minio.sh FOLDER s3://BUCKET/PREFIX/
#   upload-to-minio.sh        # model-repository beside this script, to s3://mlops-artifacts/triton/add_sub/
#
# FOLDER is a repository root: it holds MODEL/config.pbtxt and MODEL/1/... The URI names that root again, so it is what
# storageUri and `tidegate model add --uri` want. It must be new: who serves from it would otherwise meet other bytes.
# Without arguments nothing happens where it is there already.
# Needs curl 7.87 or newer and
#   AWS_ENDPOINT_URL (such as http://minio.minio:9000)   AWS_ACCESS_KEY_ID   AWS_SECRET_ACCESS_KEY   [AWS_REGION]
# or, where AWS_ENDPOINT_URL is not set, the build/dev.env that scripts/dev-bootstrap.sh wrote.
set -euo pipefail

die() { echo "upload-to-minio.sh: $*" >&2; exit 1; }

here=$(cd "$(dirname "$0")" && pwd)
example=no
if [ $# -eq 0 ]; then
  example=yes
  set -- "$here/model-repository" s3://mlops-artifacts/triton/add_sub/
fi
[ $# -eq 2 ] || die "usage: upload-to-minio.sh [FOLDER s3://BUCKET/PREFIX/]"
folder=${1%/} uri=$2

development=$here/../../build/dev.env
if [ -z "${AWS_ENDPOINT_URL:-}" ] && [ -f "$development" ]; then
  . "$development"
fi
: "${AWS_ENDPOINT_URL:?set it to the address of the S3, such as http://minio.minio:9000, or run scripts/dev-bootstrap.sh}"
: "${AWS_ACCESS_KEY_ID:?}" "${AWS_SECRET_ACCESS_KEY:?}"
region=${AWS_REGION:-us-east-1}

[[ $uri =~ ^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([A-Za-z0-9._/-]+)/$ ]] ||
  die "$uri is not s3://BUCKET/PREFIX/: KServe lists by plain prefix, so without the last slash s3://b/add_sub also brings add_sub_v2"
bucket=${BASH_REMATCH[1]} prefix=${BASH_REMATCH[2]}
[[ /$prefix/ != *//* && /$prefix/ != */./* && /$prefix/ != */../* ]] || die "$uri has an empty or a dotted part in its prefix"

[ -d "$folder" ] || die "$folder is not a folder"
[ ! -e "$folder/config.pbtxt" ] || die "$folder is a model, not a repository root: name the folder above it"
configs=("$folder"/*/config.pbtxt)
[ -e "${configs[0]}" ] || die "$folder holds no MODEL/config.pbtxt"

version=$(curl --version | sed -n '1s/^curl \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
read -r major minor <<<"$version"
((major > 7 || (major == 7 && minor >= 87))) || die "curl ${major}.${minor} cannot sign for S3: 7.87 or newer can"

# METHOD KEY HASH [curl options]: prints the status. HASH: sha256 of the body. The secret goes in by standard input: arguments are seen by everybody.
s3() {
  local method=$1 key=$2 hash=$3 user=$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY
  shift 3
  user=${user//\\/\\\\}
  printf 'user = "%s"\n' "${user//\"/\\\"}" |
    curl --config - --silent --show-error --max-time 600 --output /dev/null --write-out '%{http_code}' \
      --aws-sigv4 "aws:amz:$region:s3" \
      --header "x-amz-content-sha256: $hash" --request "$method" "$@" "${AWS_ENDPOINT_URL%/}/$bucket/$key"
}

nothing=$(sha256sum </dev/null | cut -d' ' -f1)

put() { # FILE KEY
  local hash status
  hash=$(sha256sum "$1" | cut -d' ' -f1)
  status=$(s3 PUT "$2" "$hash" --upload-file "$1")
  [[ $status == 2?? ]] || die "$2 was answered $status"
  echo "  $2"
}

case $(s3 HEAD "" "$nothing" --head) in
  2??) ;;
  404) [[ $(s3 PUT "" "$nothing") == 2?? ]] || die "bucket $bucket is not there and cannot be made" ;;
  *) die "bucket $bucket cannot be read: check the endpoint and the keys" ;;
esac
for config in "${configs[@]}"; do
  key=$prefix/${config#"$folder"/}
  status=$(s3 HEAD "$key" "$nothing" --head)
  if [[ $example == yes && $status == 200 ]]; then
    echo "there already: $uri"
    exit
  fi
  [[ $status == 404 ]] || die "s3://$bucket/$key is there already (answered $status): choose another prefix"
done

files=()
while IFS= read -r -d '' file; do
  name=${file#"$folder"/}
  [[ $name =~ ^[A-Za-z0-9._/-]+$ ]] || die "$name: file names of letters, digits, '.', '_' and '-' only"
  [ -s "$file" ] || die "$name is empty, and KServe never delivers an empty object: write something into it, or remove it"
  case $name in
    __pycache__/* | */__pycache__/* | */config.pbtxt) ;;
    *) files+=("$name") ;;
  esac
done < <(find "$folder" -type f -print0 | sort -z)

echo "uploading $folder to $uri at $AWS_ENDPOINT_URL"
for name in "${files[@]}"; do put "$folder/$name" "$prefix/$name"; done
for config in "${configs[@]}"; do put "$config" "$prefix/${config#"$folder"/}"; done # last: no half model has one
echo "done: $uri"
