#!/bin/sh
# One prediction. Usage: predict.sh [home] [away]; KICKOFF_URL is http://localhost:8080 unless set.
set -eu
url=${KICKOFF_URL:-http://localhost:8080}
curl --silent --show-error --fail-with-body "$url/v1/predictions" \
  --header 'content-type: application/json' \
  --data "{\"home\": \"${1:-Arsenal}\", \"away\": \"${2:-Chelsea}\"}"
echo
