"""A door between FreeRADIUS and the portal: bytes pass while it is open, connections are refused while it is shut."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

BUFFER_BYTES = 65_536


class Gate:
    """A relay on a port of its own."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener: socket.socket | None = None
        self._passing: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        """Where FreeRADIUS finds the portal."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Let connections in."""
        self.listens_on(socket.create_server(("127.0.0.1", self.port)))

    def listens_on(self, listener: socket.socket) -> None:
        """Let in what comes to this socket."""
        self._listener, self.port = listener, listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Cut what passes, refuse what comes."""
        if self._listener is not None:
            # A thread that waits in accept() would otherwise keep the port.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            for one in self._passing:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def is_shut(self) -> Iterator[None]:
        """The portal is away."""
        self.shut()
        try:
            yield
        finally:
            self.open()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._passing |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(BUFFER_BYTES):
                sink.sendall(part)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._passing.discard(source)
        source.close()
