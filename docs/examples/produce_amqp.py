"""Publishes a CloudEvent to RabbitMQ and prints the completed event that comes back. Needs the packages pika and cloudevents (2.x).

AMQP_URL names the RabbitMQ, BROKER_EXCHANGE the headers exchange of the Broker (`rabbitmqctl list_exchanges` shows it: b.<namespace>.<broker>.<uid>).
"""

import json
import os
import sys
import uuid

import pika
from cloudevents.core.bindings.rabbitmq import to_structured_event
from cloudevents.core.v1.event import CloudEvent

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

# A queue of our own, for as long as we are here, that gets every completed event.
queue = channel.queue_declare("", exclusive=True).method.queue
completed = {"x-match": "all", "type": "dev.kickoff.prediction.completed.v1"}
channel.queue_bind(queue, os.environ["BROKER_EXCHANGE"], "", completed)

# Structured mode, persistent, confirmed: publishing raises when RabbitMQ refuses or cannot route the event.
channel.confirm_delivery()
message = to_structured_event(event)
properties = pika.BasicProperties(
    content_type="application/cloudevents+json", delivery_mode=pika.DeliveryMode.Persistent, message_id=event.get_id()
)
channel.basic_publish("kickoff", "ml", message.body, properties, mandatory=True)

for method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=30):
    if method is None:
        sys.exit("no completed event within 30 s")
    data = json.loads(body)
    # An event may answer requests of others too.
    if any(outcome.get("source") == source and outcome["id"] == request_id for outcome in data["outcomes"]):
        # The Broker carries attributes as headers, without a prefix.
        attributes = {key: str(value) for key, value in properties.headers.items()}
        print(json.dumps({"ledger id": str(ledger_id), "attributes": attributes, "data": data}, indent=2))
        break
connection.close()
