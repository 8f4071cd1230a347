"""The wire protocol, as far as feeding statements needs it: bytes go to the server exactly as they are."""

import socket
import struct


class Crash(Exception):
    """The server closed the connection."""


class Outcome:
    """What one statement, or one message of several, led to."""

    __slots__ = ("error", "notices", "tags", "rows")

    def __init__(self):
        self.error, self.notices, self.tags, self.rows = None, [], [], []

    @property
    def sqlstate(self):
        return self.error["C"] if self.error else "00000"


class Session:
    """A connection over the server's socket, without a password."""

    def __init__(self, folder, user, database, settings=None, patience=30):
        self.address = f"{folder}/.s.PGSQL.54329"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(patience)
        self.socket.connect(self.address)
        self.buffer, self.position, self.hangs = b"", 0, 0
        words = {"user": user, "database": database, "client_encoding": "UTF8", **(settings or {})}
        body = b"".join(f"{key}\0{value}\0".encode() for key, value in words.items()) + b"\0"
        self.socket.sendall(struct.pack("!ii", len(body) + 8, 196608) + body)
        self.pid = self.key = None
        outcome = self.until_ready()
        if outcome.error:
            raise Crash(outcome.error["M"])

    def close(self):
        self.socket.close()

    def _send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Crash(str(error)) from error

    def _need(self, count):
        while len(self.buffer) - self.position < count:
            try:
                more = self.socket.recv(1 << 16)
            except TimeoutError:
                self._cancel()
                continue
            except OSError as error:
                raise Crash(str(error)) from error
            if not more:
                raise Crash("the server closed the connection")
            self.buffer = self.buffer[self.position:] + more
            self.position = 0

    def _cancel(self):
        """Nothing came for long: asks the server to cancel; whoever does not heed that hangs."""
        self.hangs += 1
        if self.hangs > 3:
            raise Crash("the session does not heed a cancel")
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(self.address)
            other.sendall(struct.pack("!iiii", 16, 80877102, self.pid, self.key))

    def _message(self):
        self._need(5)
        kind = self.buffer[self.position:self.position + 1]
        length = struct.unpack_from("!i", self.buffer, self.position + 1)[0] - 4
        self.position += 5
        self._need(length)
        body = self.buffer[self.position:self.position + length]
        self.position += length
        return kind, body

    def until_ready(self, rows=False):
        """Everything up to the next ReadyForQuery."""
        outcome = Outcome()
        while True:
            kind, body = self._message()
            if kind == b"Z":
                self.hangs = 0
                return outcome
            if kind == b"E":
                outcome.error = fields(body)
                if outcome.error["S"] in ("FATAL", "PANIC"):
                    raise Crash(f"{outcome.error['C']} {outcome.error['M']}")
            elif kind == b"N":
                outcome.notices.append(fields(body))
            elif kind == b"C":
                outcome.tags.append(body[:-1])
            elif kind == b"D" and rows:
                outcome.rows.append(body)
            elif kind == b"K":
                self.pid, self.key = struct.unpack("!ii", body)
            elif kind == b"G":
                self._send(message(b"f", b"nothing to copy\0"))

    def simple(self, text, rows=False):
        """One simple query."""
        self._send(query(text))
        return self.until_ready(rows)

    def pipeline(self, requests, rows=False):
        """Sends requests, each of which leads to one ReadyForQuery, without waiting for each answer: a window at a time, since
        what the server answers must find room while it reads."""
        outcomes, window, size = [], [], 0
        for request in [*requests, None]:
            if request is None or len(window) == 60 or size > 60_000:
                self._send(b"".join(window))
                outcomes += [self.until_ready(rows) for _ in window]
                window, size = [], 0
            if request is not None:
                window.append(request)
                size += len(request)
        return outcomes

    def prepare(self, name, text):
        self._send(message(b"P", name + b"\0" + text + b"\0\0\0") + message(b"S", b""))
        outcome = self.until_ready()
        assert not outcome.error, outcome.error


def call(name, text):
    """Runs a prepared statement with a text as its only parameter, in a transaction of its own."""
    parameter = struct.pack("!hhi", 0, 1, len(text)) + text + b"\0\0"
    return message(b"B", b"\0" + name + b"\0" + parameter) + message(b"E", b"\0\0\0\0\0") + message(b"S", b"")


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def query(text):
    return message(b"Q", text + b"\0")


def fields(body):
    """The fields of an error or a notice by their letter."""
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
