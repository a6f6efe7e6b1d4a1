"""The original stack's worker with this project's model: one task a match from queue `ml`."""
import os

import settings as s  # the baseline's
from celery import Celery
from celery.signals import worker_process_init
from kombu import Queue

import inference

app = Celery("ml", broker=s.BROKER, backend=s.REDIS + "/1")
app.conf.update(
    task_queues=[Queue("ml", durable=True)], task_default_queue="ml", task_acks_late=True,
    task_reject_on_worker_lost=True, worker_prefetch_multiplier=16, worker_disable_rate_limits=True,
    worker_send_task_events=False, worker_proc_alive_timeout=120, result_expires=300,
    broker_connection_retry_on_startup=True, broker_connection_max_retries=None, result_backend_always_retry=True,
)
predict = None


@worker_process_init.connect
def load(**_):
    global predict
    predict = inference.load(os.environ["BASE_ONNX"])


@app.task(name="predict_match")
def predict_match(names):
    return dict(zip(("home", "draw", "away"), predict(*names)))
