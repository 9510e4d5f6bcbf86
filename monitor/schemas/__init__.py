"""What others write producers and consumers against, made from the types: JSON Schemas and the AsyncAPI document.

``python -m monitor.schemas`` writes them to ``docs``.
"""

from monitor.schemas.asyncapi import asyncapi
from monitor.schemas.files import files, stale, write
from monitor.schemas.json_schemas import SUBJECTS, json_schemas

__all__ = ["SUBJECTS", "asyncapi", "files", "json_schemas", "stale", "write"]
