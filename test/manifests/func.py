"""Validates func.yaml files (the arguments after the first) by func's own JSON schema (the first argument)."""

import json
import sys

import jsonschema
import yaml

with open(sys.argv[1], encoding="utf-8") as file:
    validator = jsonschema.Draft4Validator(json.load(file))
for name in sys.argv[2:]:
    with open(name, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    # A time is text in JSON.
    for fault in validator.iter_errors(json.loads(json.dumps(document, default=str))):
        print(f"{name}: {'.'.join(map(str, fault.absolute_path))}: {fault.message}")
