"""One prediction, with Python alone. KICKOFF_URL is http://localhost:8080 unless set."""

import json
import os
import urllib.request

url = os.environ.get("KICKOFF_URL", "http://localhost:8080")
request = urllib.request.Request(
    f"{url}/v1/predictions",
    data=json.dumps({"home": "Arsenal", "away": "Chelsea"}).encode(),
    headers={"content-type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)

probabilities = answer["prediction"]["probabilities"]
print(f"home {probabilities['home']:.1%}, draw {probabilities['draw']:.1%}, away {probabilities['away']:.1%}")
print(f"model {answer['model']['name']} version {answer['model']['version']}, from the cache: {answer['cached']}")
