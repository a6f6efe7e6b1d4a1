"""The original stack's API, asked by team names: baseline/seed/api.py with another request and the same everything else."""
import asyncio, hashlib, importlib.util, os, pathlib

import orjson
from fastapi import Response
from pydantic import BaseModel

place = pathlib.Path(os.environ["BASE_SEED"]) / "api.py"
spec = importlib.util.spec_from_file_location("seed_api", place)
seed = importlib.util.module_from_spec(spec)
spec.loader.exec_module(seed)
app = seed.app
# The route of the stand-in model goes; everything behind it (cache, publisher, result listener) stays.
app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", "") != "/predict"]


class Fixture(BaseModel):
    home: str
    away: str


@app.post("/predict")
async def predict(fixture: Fixture):
    key = b"prediction:" + hashlib.blake2b(orjson.dumps([fixture.home, fixture.away]), digest_size=16).digest()
    hit = await seed.cache.get(key)
    if hit:
        return Response(hit, media_type="application/json")
    try:
        body = orjson.dumps({"probabilities": await seed.compute([fixture.home, fixture.away])})
    except TimeoutError:
        return Response(b'{"error":"timeout"}', 504, media_type="application/json")
    await seed.cache.set(key, body, ex=seed.s.CACHE_TTL)
    return Response(body, media_type="application/json")
