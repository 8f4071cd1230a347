"""Statements that nobody would write. Statement number n of a seed is always the same."""

import random

from corpus import Statement, tokens

EXTREMES = ["0", "-1", "2147483647", "2147483648", "-2147483648", "9223372036854775807", "9223372036854775808", "1e308", "1e-400",
            "0.1e-131072", "'NaN'", "'Infinity'", "NULL", "''", "'\\'", "E'\\'", "E'\\x80'", "U&'\\D83D\\DE00'", "U&'\\D83D'", "B'2'", "X'g'",
            "$1", "$65536", "$99999999999", "''''", "'{}'", "'{{{{{{{1}}}}}}}'", "'[]'", "DEFAULT", "0x7fffffffffffffff", "1_000", "'a' 'b'",
            "current_user", "now()", "random()", "nextval('s')", "ARRAY[]::int[]", "(SELECT 1)", "ROW()", "'2026-02-30'::date", "😀", "é"]
NAMES = ["\"\"", "\"a\"\"b\"", "pg_class", "pg_catalog.pg_class", "migrator.ddl", "migrator.migration", "tenk1", "onek", "parted", "public",
         "pg_temp.t", "a.b.c.d", "a.b.c.d.e", "x" * 63, "x" * 64, "x" * 5000, "\"" + "é" * 40 + "\"", "ctid", "tableoid", "xmin", "oid", "t",
         "id", "person", "f_star", "int8_tbl", "information_schema.tables", "pg_toast.pg_toast_1255", "migrator"]
BITS = [";", ";;", "(", ")", "((", "))", "[", "]", ",", ".", "*", "::", "--", "/*", "*/", "/*/**/*/", "$$", "$a$", "'", "\"", "\\", "E'", "U&\"",
        "\n", "\r", "\t", "\v", "\f", "\u00a0", "\ufeff", "@", "?", ":", "%", "=>", ":=", "||", "!", "CONCURRENTLY", "IF EXISTS", "IF NOT EXISTS",
        "ONLY", "CASCADE", "NOT VALID", "USING", "VALIDATE CONSTRAINT", "SET NOT NULL", "NOT NULL", "UNIQUE", "PRIMARY KEY", "PARTITION OF",
        "ATTACH PARTITION", "DETACH PARTITION", "FOR VALUES IN (1)", "FOR VALUES FROM (1) TO (2)", "DEFAULT", "REFERENCES", "GENERATED ALWAYS AS",
        "STORED", "IDENTITY", "TYPE", "RENAME TO", "SET SCHEMA", "SET TABLESPACE pg_default", "TEMP", "UNLOGGED", "SERIAL", "CHECK (", "EXCLUDE",
        "WITH (", "WHERE", "COLLATE \"C\"", "INHERITS", "NOT ENFORCED", "OF", "ADD COLUMN", "DROP COLUMN", "ALTER COLUMN", "NULL", "OWNED BY NONE"]


class Mutator:
    """Makes statement number n out of a corpus."""

    def __init__(self, corpus, ddl, cases, seed):
        self.corpus, self.ddl, self.cases, self.seed = corpus, ddl, cases, seed
        self.cut = {}

    def pieces(self, rng):
        """Some statement in pieces."""
        return self._cut(rng.choice(self.ddl if rng.random() < 0.6 else self.corpus))

    def case(self, rng):
        """The statement of some case in pieces."""
        return self._cut(rng.choice(self.cases)[1])

    def _cut(self, text):
        if text not in self.cut:
            if len(self.cut) > 20000:
                self.cut.clear()
            self.cut[text] = tokens(text)
        return list(self.cut[text])

    def statement(self, number):
        rng = random.Random(f"{self.seed}:{number}")
        if rng.random() < 0.05:
            return Statement("box", noise(rng))
        schema, pieces, changes, most = "box", self.pieces(rng), CHANGES, 8
        if rng.random() < 0.6:
            schema, text = rng.choice(self.cases)
            pieces = self._cut(text)
            # Mostly what may still be a statement: the guard looks at no other.
            if rng.random() < 0.7:
                changes, most = MILD, 3
        for _ in range(rng.randint(0, rng.randint(1, most))):
            if not pieces:
                pieces = self.pieces(rng)
            pieces = [piece for piece in rng.choice(changes)(rng, pieces, self) if piece]
            if sum(map(len, pieces)) > 200_000:
                break
        text = "".join(pieces).encode("utf-8", "surrogatepass")[:400_000]
        if rng.random() < 0.04:
            text = broken(rng, text)
        return Statement(schema, text.replace(b"\0", b" "))


def noise(rng):
    """Random bytes, of all there are or of those that SQL is made of."""
    length = int(2 ** rng.uniform(0, 13))
    alphabet = rng.choice([bytes(range(1, 256)), b"();,.'\"$\\-/*:=<>[]{}%@!~^&|?#+ \n\tabceEuUxXNBqn0123456789", bytes(range(32, 127))])
    return bytes(rng.choice(alphabet) for _ in range(length))


def broken(rng, text):
    """Some bytes replaced, so that it may no longer be UTF-8."""
    data = bytearray(text or b"x")
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] = rng.randint(1, 255)
    return bytes(data)


def words(pieces):
    """Where the pieces are that are more than space."""
    return [i for i, piece in enumerate(pieces) if not piece.isspace()] or [0]


def names(pieces):
    return [i for i, piece in enumerate(pieces) if piece[0].isalpha() or piece[0] in "_\""] or words(pieces)


def span(rng, pieces):
    begin = rng.randrange(len(pieces))
    return begin, min(len(pieces), begin + int(2 ** rng.uniform(0, 5)))


def delete(rng, pieces, _):
    begin, end = span(rng, pieces)
    return pieces[:begin] + pieces[end:]


def duplicate(rng, pieces, _):
    begin, end = span(rng, pieces)
    return pieces[:end] + [" "] + pieces[begin:end] + [" "] + pieces[end:]


def swap(rng, pieces, _):
    a, b = rng.choice(words(pieces)), rng.choice(words(pieces))
    pieces[a], pieces[b] = pieces[b], pieces[a]
    return pieces


def splice(rng, pieces, mutator):
    other = mutator.pieces(rng)
    return pieces[:rng.randrange(len(pieces) + 1)] + [" "] + other[rng.randrange(len(other) + 1):]


def insert_part(rng, pieces, mutator):
    other = mutator.pieces(rng)
    begin, end = span(rng, other)
    place = rng.randrange(len(pieces) + 1)
    return pieces[:place] + [" "] + other[begin:end] + [" "] + pieces[place:]


def replace_word(rng, pieces, mutator):
    other = mutator.pieces(rng)
    pieces[rng.choice(words(pieces))] = other[rng.choice(words(other))]
    return pieces


def replace_name(rng, pieces, mutator):
    other = mutator.pieces(rng)
    name = rng.choice([rng.choice(NAMES), other[rng.choice(names(other))]])
    pieces[rng.choice(names(pieces))] = name
    return pieces


def of_another_case(rng, pieces, mutator):
    """A name or a literal of another case."""
    other = mutator.case(rng)
    pieces[rng.choice(names(pieces))] = rng.choice([rng.choice(["t", "p", "n", "id", "a", "b", "c", "pid", "int", "text", "bigint"]),
                                                    other[rng.choice(names(other))]])
    return pieces


def more_commands(rng, pieces, mutator):
    """The commands of another case after those of this one."""
    other = mutator.case(rng)
    starts = [i for i, piece in enumerate(other) if piece.upper() in ("ADD", "ALTER", "DROP", "SET", "VALIDATE", "ATTACH", "RENAME") and i > 0]
    return pieces + [", "] + other[rng.choice(starts):] if starts else pieces + ["; "] + other


def extreme(rng, pieces, _):
    literals = [i for i, piece in enumerate(pieces) if piece[0].isdigit() or piece[0] == "'"] or words(pieces)
    pieces[rng.choice(literals)] = rng.choice(EXTREMES)
    return pieces


def insert_bit(rng, pieces, _):
    place = rng.randrange(len(pieces) + 1)
    return pieces[:place] + [" ", rng.choice(BITS), " "] + pieces[place:]


def truncate(rng, pieces, _):
    text = "".join(pieces)
    return tokens(text[:rng.randrange(len(text) + 1)])


def nest(rng, pieces, _):
    depth = int(2 ** rng.uniform(0, 13)) if rng.random() < 0.1 else rng.randint(1, 40)
    begin, end = span(rng, pieces)
    opening, closing = rng.choice([("(", ")"), ("(SELECT ", ")"), ("NOT ", ""), ("- ", ""), ("ARRAY[", "]"), ("CASE WHEN ", " THEN 1 END"),
                                   ("/*", "*/"), ("(", "")])
    return pieces[:begin] + [opening * depth] + pieces[begin:end] + [closing * depth] + pieces[end:]


def repeat(rng, pieces, _):
    begin, end = span(rng, pieces)
    part = "".join(pieces[begin:end])[:200]
    count = int(2 ** rng.uniform(1, 13)) if rng.random() < 0.1 else rng.randint(2, 60)
    return pieces[:end] + [rng.choice([", ", " ", ";", " AND ", ".", "||", " UNION SELECT "]) + part] * count + pieces[end:]


def join(rng, pieces, mutator):
    return pieces + [";\n"] + mutator.pieces(rng)


def quote(rng, pieces, _):
    text = "".join(pieces)
    tag = rng.choice(["$$", "$a$", "$_é$"])
    if rng.random() < 0.5:
        text = f"BEGIN {text}; END"
        return tokens(f"DO {tag} {text} {tag}")
    body = text.replace("'", "''")
    return tokens(rng.choice([f"DO {tag} BEGIN EXECUTE '{body}'; END {tag}", f"EXPLAIN {text}", f"PREPARE p AS {text}", f"SELECT '{body}'",
                              f"CREATE FUNCTION f() RETURNS void LANGUAGE sql AS {tag}{text}{tag}", f"CREATE SCHEMA s {text}",
                              f"CREATE TABLE x AS {text}", f"CREATE MATERIALIZED VIEW m AS {text}", f"CREATE VIEW v AS {text}"]))


def letters(rng, pieces, _):
    where = rng.choice(words(pieces))
    pieces[where] = rng.choice([str.upper, str.lower, str.title, lambda w: w[::-1], lambda w: f"\"{w}\"", lambda w: w * 20])(pieces[where])
    return pieces


CHANGES = [delete, duplicate, swap, splice, insert_part, replace_word, replace_word, replace_name, replace_name, replace_name, extreme, extreme,
           insert_bit, insert_bit, truncate, nest, repeat, join, quote, letters]
MILD = [of_another_case, of_another_case, of_another_case, more_commands, more_commands, extreme, insert_bit, replace_name, join, letters, quote]
