"""Validates documents (a JSON array on standard input) by the schemas of one Kubernetes version, refusing unknown fields."""

import json
import sys

import kubernetes_validate

for document in json.load(sys.stdin):
    place = f"{document['kind']} {document['metadata']['name']}"
    try:
        kubernetes_validate.validate(document, "1.34", strict=True)
    except kubernetes_validate.ValidationError as fault:
        print(f"{place}: {'.'.join(map(str, fault.path))}: {fault.message}")
    except kubernetes_validate.SchemaNotFoundError as fault:
        print(f"{place}: no schema: {fault}")
