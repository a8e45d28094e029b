"""Examples in the OpenAPI description: `api_examples.json` beside this file has, by operation, the
request and the answer. tests/api/test_examples.py runs each request and compares the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("api_examples.json")

_Json = dict[str, Any]  # Any: JSON


def with_examples(result: _Json, generator: Any, **kwargs: Any) -> _Json:  # drf-spectacular's hook
    known = json.loads(FILE.read_text())
    for methods in result["paths"].values():
        for operation in methods.values():
            _add(operation, known.get(operation["operationId"], {}))
    return result


def _add(operation: _Json, example: _Json) -> None:
    if "request" in example:
        content = operation["requestBody"]["content"]["application/json"]
        content["examples"] = {"example": {"value": example["request"]}}
    if "response" in example:
        content = operation["responses"][example["status"]]["content"]
        for media in content.values():
            media["examples"] = {"example": {"value": example["response"]}}
