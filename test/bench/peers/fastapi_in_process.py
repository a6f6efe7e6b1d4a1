"""FastAPI with this project's model in process: no queue, no store."""
import os

import orjson
from fastapi import FastAPI, Response
from pydantic import BaseModel

import inference

predict_match = inference.load(os.environ["BASE_ONNX"])
app = FastAPI(openapi_url=None)


class Fixture(BaseModel):
    home: str
    away: str


@app.post("/predict")
async def predict(fixture: Fixture):
    home, draw, away = predict_match(fixture.home, fixture.away)
    return Response(orjson.dumps({"probabilities": {"home": home, "draw": draw, "away": away}}), media_type="application/json")


@app.get("/health")
async def health():
    return {"ok": True}
