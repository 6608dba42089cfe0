"""A server in this very process, and the wire to it."""

from __future__ import annotations

import json
from typing import Any

from slimify.editor.features import make_server


class Wire:
    """Sends what a client sends, and notes what the server writes, message by message."""

    def __init__(self) -> None:
        self.server = make_server()
        self.messages: list[dict[str, Any]] = []
        self.server.protocol.set_writer(self)
        self._number = 0

    def write(self, data: bytes) -> None:
        self.messages.append(json.loads(data.partition(b"\r\n\r\n")[2]))

    def close(self) -> None:
        """Nobody listens any more."""

    def send(self, method: str, params: Any, request: bool = True) -> int:
        """Send a request or a notification, and return its number."""
        self._number += 1
        message = {"jsonrpc": "2.0", "method": method, "params": self.server.protocol._converter.unstructure(params)}
        if request:
            message["id"] = self._number
        self._take(message)
        return self._number

    def answer(self, number: int | str, result: Any = None) -> None:
        """Answer a request of the server's."""
        self._take({"jsonrpc": "2.0", "id": number, "result": result})

    def _take(self, message: dict[str, Any]) -> None:
        wire = json.dumps(message)
        protocol = self.server.protocol
        protocol.handle_message(json.loads(wire, object_hook=protocol.structure_message))

    def found(self, method: str) -> list[dict[str, Any]]:
        """What was written of a kind."""
        return [one for one in self.messages if one.get("method") == method]
