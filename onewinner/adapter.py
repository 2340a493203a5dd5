"""The types that the adapter of a target file gets and returns; docs/target.md describes them.

from onewinner.adapter import Answer, Context, Request
"""

from engine.target.adapter import Context
from engine.target.http_answer import Answer
from engine.target.template import Request

__all__ = ["Answer", "Context", "Request"]
