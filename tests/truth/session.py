"""One psql that stays open: what is sent is what a person would type."""

import os
import selectors
import subprocess
import time

MARK = "--8<-- end of truth --8<--"
WAIT = 60


class Gone(Exception):
    """psql or its server process has died."""


class Session:
    def __init__(self, cluster, db):
        self.process = subprocess.Popen(
            cluster._arguments("psql", db) + ["-XAtq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, "PGOPTIONS": "", "PGAPPNAME": "truth"})
        self.pipes = {"out": self.process.stdout, "err": self.process.stderr}
        self.buffers = {"out": b"", "err": b""}
        self.selector = selectors.DefaultSelector()
        for name, pipe in self.pipes.items():
            os.set_blocking(pipe.fileno(), False)
            self.selector.register(pipe, selectors.EVENT_READ, name)

    def send(self, text):
        try:
            self.process.stdin.write(f"{text}\n\\echo {MARK}\n\\warn {MARK}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Gone(self._rest()) from None

    def receive(self, wait=WAIT):
        """Output and messages up to the end of what was sent; None when that takes longer than `wait`."""
        mark, deadline = f"{MARK}\n".encode(), time.time() + wait
        while not all(mark in buffer for buffer in self.buffers.values()):
            events = self.selector.select(max(0, deadline - time.time()))
            if not events:
                return None
            for key, _ in events:
                data = os.read(key.fd, 1 << 16)
                if not data:
                    raise Gone(self._rest())
                self.buffers[key.data] += data
        texts = []
        for name in ("out", "err"):
            text, self.buffers[name] = self.buffers[name].split(mark, 1)
            texts.append(text.decode().strip())
        return texts

    def run(self, text):
        self.send(text)
        result = self.receive()
        if result is None:
            self.close()
            raise Gone(f"no answer within {WAIT} s to: {text[:300]}")
        return result

    def must(self, text):
        """Output of what has to succeed."""
        out, err = self.run(text)
        if "ERROR:" in err or "FATAL:" in err:
            raise AssertionError(f"{text.strip()[:300]}\n{err}")
        return out

    def renew(self):
        """With none of what the last case has set. A new process would have to read the whole catalogue again."""
        self.run("ROLLBACK;")
        self.must("RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP; DEALLOCATE ALL;")

    def _rest(self):
        return self.buffers["err"].decode()[-500:] or "psql ended"

    def close(self):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, *self.pipes.values()):
            pipe.close()
