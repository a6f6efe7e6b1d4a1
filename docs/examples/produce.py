"""Sends a CloudEvent over HTTP and prints its result. Needs the package cloudevents (2.x).

KICKOFF_URL is http://localhost:8080 unless set.
"""

import json
import os
import urllib.request
import uuid

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent

url = os.environ.get("KICKOFF_URL", "http://localhost:8080")
request_id = str(uuid.uuid4())
event = CloudEvent(
    {
        "type": "dev.kickoff.prediction.requested.v1",
        "source": "/examples/python",
        "datacontenttype": "application/json",
        # These two come back with the completed event, as does replyTo.
        "correlationid": "order-7",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    },
    {"requests": [{"id": request_id, "home": "Arsenal", "away": "Chelsea"}], "replyTo": "examples"},
)
message = to_structured_event(event)
# 202 means that the broker has confirmed: the event cannot get lost any more.
posted = urllib.request.Request(f"{url}/v1/events", data=message.body, headers=message.headers)
with urllib.request.urlopen(posted) as response:
    # The answer names the place of each result.
    location = json.load(response)["accepted"][0]["requests"][0]["location"]

# The stream of states ends with the final one.
with urllib.request.urlopen(f"{url}{location}/events") as stream:
    states = [json.loads(line[6:]) for line in stream.read().decode().splitlines() if line.startswith("data: ")]
print(json.dumps(states[-1], indent=2))
