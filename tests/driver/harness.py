"""Real clusters, real psql. Nothing but the standard library."""

import os
import re
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Cluster:
    """A throw-away cluster; `with` destroys it."""

    def __init__(self, name, pg_config, *settings):
        self.name, self.pg_config = name, pg_config
        self.bindir = subprocess.check_output([pg_config, "--bindir"], text=True).strip()
        self.major = int(re.search(r"(\d+)", subprocess.check_output([pg_config, "--version"], text=True)).group(1))
        self.socket = self._control("create", "fsync = off", *settings).strip()
        self.user = "postgres"

    def _control(self, command, *more):
        result = subprocess.run([f"{ROOT}/tools/cluster.sh", command, self.name, self.pg_config, *more],
                                stdout=subprocess.PIPE, text=True)
        if result.returncode != 0:
            raise AssertionError(f"cluster {command} failed; log:\n{self.log()}")
        return result.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._control("destroy")

    def start(self):
        self._control("start")

    def crash(self):
        self._control("crash")

    def log(self):
        try:
            with open(f"{self.socket}/log") as file:
                return file.read()
        except (OSError, AttributeError):
            return "(no log)"

    def _arguments(self, program, db):
        # To pgbench before 17, -d means debug: it then writes a line a command, and stops when nobody reads them.
        database = [db] if program == "pgbench" else ["-d", db]
        return [f"{self.bindir}/{program}", "-h", self.socket, "-p", "54329", "-U", self.user, *database]

    def popen(self, sql, db="test", program="psql", options=("-XAtq", "-v", "VERBOSITY=default"), env=None):
        command = self._arguments(program, db) + list(options)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env={**os.environ, **(env or {})})
        process.stdin.write(sql)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, sql, db="test", env=None, options=("-XAtq", "-v", "VERBOSITY=default")):
        """Output and errors of psql, whatever happens."""
        out, err = self.popen(sql, db, options=options, env=env).communicate(timeout=120)
        return out.strip(), err.strip()

    def sql(self, sql, db="test", env=None):
        """Output of statements that must succeed."""
        process = self.popen(sql, db, options=("-XAtq", "-v", "ON_ERROR_STOP=1"), env=env)
        out, err = process.communicate(timeout=120)
        if process.returncode != 0:
            raise AssertionError(f"{sql[:200]}\nfailed: {err}")
        return out.strip()

    def forget_backfills(self):
        self.sql("TRUNCATE migrator.backfill_run, migrator.backfill_control, migrator.backfill_unit, migrator.backfill_range, migrator.backfill_error;")

    def fresh(self, db="test"):
        """An empty database with the extension."""
        self.sql(f"DROP DATABASE IF EXISTS {db} WITH (FORCE);", db="postgres")
        self.sql(f"CREATE DATABASE {db};", db="postgres")
        self.sql("SET client_min_messages = error; CREATE EXTENSION migrator;", db=db)

    def dump_schema(self, db="test"):
        """The schema without the extension's own."""
        text = subprocess.check_output(
            self._arguments("pg_dump", db) + ["-s", "-N", "migrator", "--no-comments"], text=True)
        return "\n".join(line for line in text.splitlines()
                         if line and not line.startswith(("--", "\\restrict", "\\unrestrict")))

    def backend(self, application, timeout=10):
        """The pid of the session with that application_name, once it runs something."""
        deadline = time.time() + timeout
        while time.time() < deadline:
            pid = self.sql("SELECT pid FROM pg_stat_activity WHERE state = 'active' "
                           f"AND application_name = '{application}';")
            if pid:
                return int(pid)
            time.sleep(0.005)
        raise AssertionError(f"no session {application}")

    def until(self, sql, wanted, timeout=60, db="test"):
        """Waits until a query answers that."""
        deadline = time.time() + timeout
        while (answer := self.sql(sql, db=db)) != wanted:
            if time.time() > deadline:
                raise AssertionError(f"{sql}\nnever becomes {wanted!r}; it is {answer!r}")
            time.sleep(0.02)

    def kill(self, pid):
        """kill -9 a backend, and wait until the server has recovered. False when it had ended by itself."""
        crashes = self.log().count("all server processes terminated; reinitializing")
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        gone = None
        deadline = time.time() + 60
        while time.time() < deadline:
            # Connections are accepted until the postmaster notices the death, so its own word counts.
            crashed = self.log().count("all server processes terminated; reinitializing") > crashes
            if crashed and self._accepts_connections():
                return True
            if not crashed and not os.path.exists(f"/proc/{pid}"):
                gone = gone or time.time()
                if time.time() - gone > 3:
                    return False
            time.sleep(0.02)
        raise AssertionError("the server did not recover")

    def stop_asleep(self, pid):
        """SIGSTOP a backend that calls pg_sleep again and again, while it does. Elsewhere it may hold a lock of a page, for
        which others wait deaf to everything."""
        deadline = time.time() + 60
        while time.time() < deadline:
            os.kill(pid, signal.SIGSTOP)
            asked = self.popen(f"SELECT wait_event FROM pg_stat_activity WHERE pid = {pid};")
            try:
                asleep = asked.communicate(timeout=5)[0].strip() == "PgSleep"
            except subprocess.TimeoutExpired:
                asleep = False
            if asleep:
                return
            os.kill(pid, signal.SIGCONT)
            asked.communicate(timeout=60)
            time.sleep(0.003)
        raise AssertionError(f"process {pid} never sleeps")

    def _accepts_connections(self):
        result = subprocess.run(self._arguments("psql", "postgres") + ["-XAtqc", "SELECT 1"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return result.returncode == 0


class Standby(Cluster):
    """A streaming copy of a cluster, over sockets."""

    def __init__(self, primary):  # pylint: disable=super-init-not-called
        self.name, self.pg_config, self.bindir = f"{primary.name}-standby", primary.pg_config, primary.bindir
        self.major, self.user = primary.major, primary.user
        self.socket = f"{os.path.dirname(primary.socket)}/{self.name}"
        self.owner = as_owner(primary.socket)
        self._control("destroy")
        self._as_server("mkdir", "-p", self.socket)
        self._as_server("sh", "-c", f"printf %s '{self.bindir}' > '{self.socket}/bin'")
        self._as_server(f"{self.bindir}/pg_basebackup", "-h", primary.socket, "-p", "54329", "-U", "postgres", "-R", "-c",
                        "fast", "-D", f"{self.socket}/data")
        self._as_server("sh", "-c", f"echo \"unix_socket_directories = '{self.socket}'\" >> '{self.socket}/data/postgresql.conf'")
        self._control("start")

    def _as_server(self, *command):
        result = subprocess.run([*self.owner, *command], cwd="/", capture_output=True, text=True)
        equal(result.returncode, 0, result.stderr)

    def catches_up(self, primary):
        position = primary.sql("SELECT pg_current_wal_flush_lsn();")
        deadline = time.time() + 30
        while self.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}';") != "t":
            if time.time() > deadline:
                raise AssertionError(f"the standby does not catch up; log:\n{self.log()}")
            time.sleep(0.05)


def as_owner(path):
    """What to put before a command so that it runs as the owner of a folder: the user of the server in it."""
    if os.geteuid():
        return []
    owner = os.stat(path)
    return ["setpriv", "--reuid", str(owner.st_uid), "--regid", str(owner.st_gid), "--clear-groups"]


def equal(actual, expected, what=""):
    if actual != expected:
        raise AssertionError(f"{what}\n  expected: {expected!r}\n  actual:   {actual!r}")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"expected {part!r} in:\n{text}")
