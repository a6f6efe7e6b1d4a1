#!/bin/sh
# Sends a CloudEvent (binary mode) and waits for its result. KICKOFF_URL is http://localhost:8080 unless set.
set -eu
url=${KICKOFF_URL:-http://localhost:8080}
# Who asks, and its own id: together they are the request.
id=$(cat /proc/sys/kernel/random/uuid)
accepted=$(curl --silent --show-error --fail-with-body "$url/v1/events" \
  --header 'content-type: application/json' \
  --header 'ce-specversion: 1.0' \
  --header "ce-id: $id" \
  --header 'ce-source: /examples/curl' \
  --header 'ce-type: dev.kickoff.prediction.requested.v1' \
  --header 'ce-correlationid: order-7' \
  --data "{\"requests\": [{\"id\": \"$id\", \"home\": \"Arsenal\", \"away\": \"Chelsea\"}], \"replyTo\": \"examples\"}")
echo "$accepted"
# The answer names the place of the result. Server-sent events: the stream ends with the final state.
location=$(echo "$accepted" | sed 's/.*"location":"\([^"]*\)".*/\1/')
curl --silent --show-error --fail-with-body "$url$location/events"
