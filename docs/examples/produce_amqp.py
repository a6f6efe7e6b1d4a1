"""Publishes a CloudEvent to RabbitMQ and prints its result. Needs the packages pika and cloudevents (2.x).

AMQP_URL names RabbitMQ with the user of producers, amqp://kickoff-producer:<password>@<host>. KICKOFF_URL is http://localhost:8080 unless set.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

import pika
from cloudevents.core.bindings.rabbitmq import to_structured_event
from cloudevents.core.v1.event import CloudEvent

url = os.environ.get("KICKOFF_URL", "http://localhost:8080")
source = "/examples/pika"
request_id = str(uuid.uuid4())
# Where the result will be: GET /v1/predictions/{ledger_id}.
ledger_id = uuid.uuid5(uuid.UUID("2b7e9d14-6c3f-5f8a-9e05-41d8a7c6f3b2"), f"{source}\n{request_id}")
event = CloudEvent(
    {
        "type": "dev.kickoff.prediction.requested.v1",
        "source": source,
        "datacontenttype": "application/json",
        "correlationid": "order-7",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    },
    {"requests": [{"id": request_id, "home": "Arsenal", "away": "Chelsea"}], "replyTo": "examples"},
)

connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
# Structured mode, persistent, confirmed: publishing raises when RabbitMQ refuses or cannot route the event.
channel.confirm_delivery()
message = to_structured_event(event)
properties = pika.BasicProperties(
    content_type="application/cloudevents+json", delivery_mode=pika.DeliveryMode.Persistent, message_id=event.get_id()
)
channel.basic_publish("kickoff.requests", "ml", message.body, properties, mandatory=True)
connection.close()

# Before it is predicted, nobody knows of it: 404.
for _ in range(60):
    try:
        with urllib.request.urlopen(f"{url}/v1/predictions/{ledger_id}") as answer:
            print(json.dumps(json.load(answer), indent=2))
        break
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
    time.sleep(0.5)
else:
    sys.exit("no result within 30 s: the operator finds the event, with the reason, in queue ml.dead")
