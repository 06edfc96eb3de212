"""A Maven repository on the loopback interface with configurable faults."""

import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pointsman.dev.jars import Jar


@dataclass
class JarServer:
    """`url` serves `files`; `asked` has each requested path and range."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    ranges: bool = True
    cut_after: int | None = None  # bytes after which each answer is cut off
    pause_s: float = 0  # after each 64 KB

    def offer(self, artifact: str, content: bytes, *, pinned: bytes | None = None) -> Jar:
        """Serves `content` as an artifact, with the jar's checksum of it or of another content."""
        right = content if pinned is None else pinned
        jar = Jar("org.example", artifact, "1.0", hashlib.sha256(right).hexdigest(), len(right))
        self.files[f"/{jar.path}"] = content
        return jar


@contextmanager
def jar_server() -> Iterator[JarServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        served = JarServer(f"http://127.0.0.1:{http.server_address[1]}")
        http.jars = served  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield served
        finally:
            http.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        jars: JarServer = self.server.jars  # type: ignore[attr-defined]
        wanted = self.headers.get("Range")
        jars.asked.append((self.path, wanted))
        content = jars.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and jars.ranges else 0
        if start >= len(content) > 0:
            self.send_error(416)
            return
        rest = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        sent = rest if jars.cut_after is None else rest[: jars.cut_after]
        with contextlib.suppress(ConnectionError):
            for place in range(0, len(sent), 1 << 16):
                self.wfile.write(sent[place : place + (1 << 16)])
                time.sleep(jars.pause_s)

    def log_message(self, format: str, *args: Any) -> None:
        pass
