#!/usr/bin/env bash
# Runs every test that needs a server against one pg_config, on throw-away clusters. The extension is installed already.
#   tests/run.sh PG_CONFIG [golden|isolation|driver|truth] [TEST...]
set -euo pipefail
. "$(dirname "$0")/../tools/lib.sh"

pg_config=${1:?}; only=${2:-all}; shift $(($# > 2 ? 2 : $#))
major=$("$pg_config" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')
bindir=$("$pg_config" --bindir)
cd "$ROOT"

wanted() { [ "$only" = all ] || [ "$only" = "$1" ]; }

# A program of Postgres's own test tools: of this server, or where it came without them, of another one.
test_tool() {
    local candidate
    for candidate in "$pg_config" /usr/lib/postgresql/*/bin/pg_config /usr/local/pgsql-*/bin/pg_config; do
        candidate=$(dirname "$("$candidate" --pgxs 2>/dev/null)" 2>/dev/null)/../test/$1
        if [ -x "$candidate" ]; then printf %s "$candidate"; return; fi
    done
    die "no server here has $1" "It comes with the headers of a server (postgresql-server-dev-15 on Debian 12)."
}

names() { (cd "$1" && ls -- *."$2") | sed "s/\.$2\$//" | sort; }
# guard_unseen shows what is not covered where the library is not preloaded.
golden_names() { names tests/pg_regress/sql sql | grep -vx "${MIGRATOR_TEST_PRELOAD:+guard_unseen}"; }

# pg_regress and pg_isolation_regress write next to the server's data, as whoever runs this.
regress() {
    local program=$1 inputs=$2 output=$ROOT/target/results/pg$major/$3 socket=$4; shift 4
    rm -rf "$output"; mkdir -p "$output"
    env -u RUST_BACKTRACE "$program" --use-existing --inputdir="$inputs" --outputdir="$output" \
        --bindir="$bindir" --host="$socket" --port=54329 --user=postgres --dbname=migrator_test "$@" \
        || { cat "$output/regression.diffs" >&2; return 1; }
}

export MIGRATOR_TEST_BACKTRACE=1 # no error of ours may show one
cluster=test$major
trap 'tools/cluster.sh destroy "$cluster"' EXIT
if wanted golden || wanted isolation; then
    socket=$(tools/cluster.sh create "$cluster" "$pg_config" 'fsync = off' 'max_prepared_transactions = 5' 'autovacuum = off')
    "$bindir/psql" -Xq -h "$socket" -p 54329 -U postgres -d postgres -c 'CREATE DATABASE migrator_test' \
        -c "ALTER DATABASE migrator_test SET timezone = 'UTC'"
fi
if wanted golden; then
    tests=("$@"); [ ${#tests[@]} -gt 0 ] || mapfile -t tests < <(golden_names)
    for test in "${tests[@]}"; do
        [ -e "tests/pg_regress/expected/$test.out" ] || die "tests/pg_regress/expected/$test.out is missing" "A test without expected output proves nothing."
    done
    regress "$(test_tool regress/pg_regress)" "$ROOT/tests/pg_regress" golden "$socket" "${tests[@]}"
fi
if wanted isolation; then
    "$bindir/psql" -Xq -h "$socket" -p 54329 -U postgres -d migrator_test -c 'SET client_min_messages = error' \
        -c 'DROP EXTENSION IF EXISTS migrator CASCADE' -c 'CREATE EXTENSION migrator'
    tests=("$@"); [ ${#tests[@]} -gt 0 ] || mapfile -t tests < <(names tests/isolation/specs spec)
    regress "$(test_tool isolation/pg_isolation_regress)" "$ROOT/tests/isolation" isolation "$socket" "${tests[@]}"
fi
# A server that crashed, or that found something of ours left lying about, says so only here.
if [ -n "${socket:-}" ]; then
    python3 tests/faults.py "$socket/log" || die "the server's log of PostgreSQL $major shows a fault"
fi
tools/cluster.sh destroy "$cluster"
if wanted driver; then
    python3 tests/driver/run.py "$pg_config" "$@"
fi
# What the guard refuses against what Postgres does, and every hint typed.
if wanted truth; then
    python3 tests/truth/run.py "$pg_config" "$@"
fi
