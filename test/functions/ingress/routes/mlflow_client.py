"""Asks as clients of MLflow's scoring server do (dataframe_split, dataframe_records, inputs) and prints what came as JSON."""

import json
import sys
import urllib.error
import urllib.request


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(sys.argv[1] + path, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


rows = [["Arsenal", "Chelsea"], ["Bayern München", "Borussia Dortmund"]]
columns = ["home", "away"]
bodies = {
    "split": {"dataframe_split": {"columns": columns, "index": [0, 1], "data": rows}},
    "records": {"dataframe_records": [dict(zip(columns, row)) for row in rows]},
    "inputs": {"inputs": {"home": [row[0] for row in rows], "away": [row[1] for row in rows]}},
    "unknownTeam": {"dataframe_records": [{"home": "Arsenl", "away": "Chelsea"}]},
    "unknownColumn": {"dataframe_split": {"columns": ["a", "b"], "data": rows}},
    "ragged": {"inputs": {"home": ["Arsenal"], "away": []}},
    "nothing": {},
    "noRows": {"dataframe_records": []},
}
answers = {name: call("/invocations", body) for name, body in bodies.items()}
print(json.dumps({"ping": call("/ping")[0], **{name: [status, json.loads(text)] for name, (status, text) in answers.items()}}))
