"""The cluster under fuzz: a guarded database and one without the extension, with the same tables in both."""

import os
import re
import time

import corpus
import faults
from wire import Crash, Session, call, query

DATABASES = ["guarded", "plain"]
MAKES = re.compile(rb"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(create|alter|comment|grant)\b", re.IGNORECASE | re.DOTALL)

PREPARED = {
    b"lint": b"SELECT * FROM migrator.lint($1)",
    b"register": b"SELECT migrator.register('1', $1, irreversible => 'fuzz')",
}

# What a rollback might not undo.
LEAVES_SOMETHING = re.compile(rb"\b(set|reset|prepare|declare|listen|load|lock|discard|session|temp|temporary|commit|end|abort|rollback|begin|do|"
                              rb"call|execute|set_config|\w*advisory\w*)\b", re.IGNORECASE)
# Without the guard, which would have its say about the tables, and without a limit: what it left would be a difference later.
EMPTY_BOX = [b"SET client_min_messages = error", b"SET statement_timeout = 0; SET lock_timeout = 0", b"SET migrator.guard = off", b"DROP SCHEMA IF EXISTS box CASCADE", b"CREATE SCHEMA box",
             b"DISCARD ALL"]


def place(statement):
    """Where its tables are; what it makes goes elsewhere."""
    return f"SET search_path = {statement.schema}, box, public".encode()


class Server:
    """Sessions into both databases, and what to do when they are lost."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.sessions = {}
        self.crashes = 0

    def superuser(self, sql, db="postgres"):
        return self.cluster.sql(sql, db=db)

    def populate(self, ddl, schemas):
        """What makes something in the suites, as far as it can be made in any order, and the tables of the cases; then
        copies to start from."""
        self.superuser("CREATE ROLE fuzz LOGIN; ALTER ROLE fuzz SET statement_timeout = '500ms'; ALTER ROLE fuzz SET lock_timeout = '400ms';"
                       "GRANT pg_read_all_stats TO fuzz;")
        self.superuser("CREATE DATABASE plain OWNER fuzz;")
        session = Session(self.cluster.socket, "fuzz", "plain")
        session.simple(b"CREATE SCHEMA box")
        making = [text for text in ddl if MAKES.match(text.encode()) and not re.search("event_trigger|migrator|stdin", text, re.IGNORECASE)]
        for schema, script in schemas.items():
            making += [f"CREATE SCHEMA {schema}", f"SET search_path = {schema}", *corpus.statements(script)]
        session.pipeline([query(text.encode()) for text in making])
        session.close()
        self.superuser("ALTER ROLE fuzz IN DATABASE plain RESET ALL;")
        self.superuser("ALTER DATABASE plain RENAME TO plain_template;")
        self.superuser("CREATE DATABASE guarded_template TEMPLATE plain_template OWNER fuzz;")
        self.superuser("SET client_min_messages = error; CREATE EXTENSION migrator; SELECT migrator.grant_deploy('fuzz');"
                       "GRANT SET ON PARAMETER migrator.guard TO fuzz;", db="guarded_template")
        self.renew()

    def renew(self):
        """Both databases as they were in the beginning."""
        self.close()
        for name in DATABASES:
            self.superuser(f"DROP DATABASE IF EXISTS {name} WITH (FORCE);")
            self.superuser(f"CREATE DATABASE {name} TEMPLATE {name}_template OWNER fuzz STRATEGY file_copy;")
        # Everything is large, and what would be refused is warned about: so every rule has its say and the statement runs.
        self.superuser("ALTER ROLE fuzz IN DATABASE guarded SET migrator.large_table_rows = 1;"
                       "ALTER ROLE fuzz IN DATABASE guarded SET migrator.large_table_size = '8kB';"
                       "ALTER ROLE fuzz IN DATABASE guarded SET migrator.guard = 'warn';", db="guarded")

    def session(self, database):
        if database not in self.sessions:
            session = Session(self.cluster.socket, "fuzz", database)
            if database == "guarded":
                for name, text in PREPARED.items():
                    session.prepare(name, text)
            self.sessions[database] = session
        return self.sessions[database]

    def call(self, prepared, statements):
        """Runs a prepared statement once for each text, among the tables that it means."""
        requests = [request for s in statements for request in [query(place(s)), call(prepared, s.text)]]
        return self.session("guarded").pipeline(requests, rows=True)[1::2]

    def close(self):
        for session in self.sessions.values():
            session.close()
        self.sessions = {}

    def run(self, database, trials):
        """Runs statements, each in a transaction that is rolled back, or in none; and leaves nothing of them in the session."""
        key = f"{database} runs"
        if key not in self.sessions:
            self.sessions[key] = Session(self.cluster.socket, "fuzz", database)
        requests, places = [], []
        for statement, outside, refusing in trials:
            # In one message.
            before = b";".join([place(statement), *([b"SET migrator.guard = enforce"] if refusing and database == "guarded" else []),
                                *([] if outside else [b"BEGIN"])])
            after = [b"ROLLBACK"]
            if outside or refusing or LEAVES_SOMETHING.search(statement.text):
                after += [b"DISCARD ALL", *(EMPTY_BOX if outside else [])]
            places.append(len(requests) + 1)
            requests += [query(text) for text in [before, statement.text, *after]]
        outcomes = self.sessions[key].pipeline(requests)
        return [outcomes[position] for position in places]

    def recover(self):
        """After a session was lost: waits until the server answers."""
        self.close()
        deadline = time.time() + 60
        while True:
            try:
                Session(self.cluster.socket, "fuzz", "guarded").close()
                return
            except (Crash, OSError):
                if time.time() > deadline:
                    # A statement may have locked everybody out of the database.
                    self.renew()
                    return
                time.sleep(0.1)

    def has_crashed(self):
        """Whether the log has more crashes than when it was asked last."""
        crashes = self.cluster.log().count("all server processes terminated; reinitializing")
        more, self.crashes = crashes > self.crashes, crashes
        return more

    def read_log(self):
        """The faults in the log, which is emptied."""
        found = faults.found(self.cluster.log())
        os.truncate(f"{self.cluster.socket}/log", 0)
        self.crashes = 0
        return found

    def tables(self):
        return int(self.superuser("SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384", db="plain"))

    def memory(self, database):
        """Bytes that a session has allocated in memory contexts."""
        row = self.session(database).simple(b"SELECT sum(total_bytes) FROM pg_backend_memory_contexts", rows=True).rows[0]
        return int(row[6:])
