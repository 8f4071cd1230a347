#!/usr/bin/env bash
# The main job on real input, on a private throw-away cluster that stays for looking around.
#   tools/demo.sh [PG_CONFIG]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

ROWS=${ROWS:-1000000}
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
trap 'die "the demo failed at line $LINENO" "What was printed last says why." "The server'"'"'s log: ${socket:-(not started)}/log" "To start over: make demo"' ERR

tools/setup.sh build
pg_config=${1:-$(tools/setup.sh server)}
tools/install.sh "$pg_config"
psql=("$("$pg_config" --bindir)/psql" -X -P pager=off)

step "A private cluster ($("$pg_config" --version)), no TCP port"
socket=$(tools/cluster.sh create demo "$pg_config")
psql+=(-h "$socket" -p 54329 -U postgres)
"${psql[@]}" -q -d postgres -c 'CREATE DATABASE demo'
psql+=(-d demo)
run() { "${psql[@]}" -e -v ON_ERROR_STOP=1 "$@" 2>&1; }
run -c 'CREATE EXTENSION migrator'

# Statements that must be refused: anything but SQLSTATE MG001 is a failure.
refused() {
    local output
    output=$("${psql[@]}" -e -v ON_ERROR_STOP=1 -v VERBOSITY=default -c "$1" 2>&1) && die "not refused: $1"
    printf '%s\n' "$output"
    case $output in *"[$2]"*) ;; *) die "refused for another reason than $2: $1" ;; esac
}

step "Real migrations: those that procrastinate ships"
# The server reads the files itself, so they lie where its user can reach them.
folder=$socket/migrations
package=$(mktemp -d)
python3 -m pip --version >/dev/null 2>&1 || tools/setup.sh pip || true
if python3 -m pip download -q --no-deps -d "$package" procrastinate >/dev/null 2>"$package/log" \
    && python3 - "$package" <<'P'
import glob, sys, tarfile, zipfile, os
folder = sys.argv[1]
archive = (glob.glob(f"{folder}/*.whl") + glob.glob(f"{folder}/*.tar.gz"))[0]
out = f"{folder}/sql"
os.mkdir(out)
files = zipfile.ZipFile(archive) if archive.endswith(".whl") else tarfile.open(archive)
names = files.namelist() if archive.endswith(".whl") else files.getnames()
for name in names:
    if "/sql/migrations/" in name and name.endswith(".sql"):
        data = (files.open(name) if archive.endswith(".whl") else files.extractfile(name)).read()
        open(f"{out}/{os.path.basename(name)}", "wb").write(data)
print(f"{os.path.basename(archive)}: {len(os.listdir(out))} migrations")
sys.exit(0 if os.listdir(out) else 1)
P
then
    source=procrastinate
else
    say "procrastinate could not be fetched; using three migrations of our own instead"
    mkdir -p "$package/sql"
    echo 'CREATE TABLE jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue text NOT NULL, args jsonb);' > "$package/sql/1_jobs.sql"
    echo 'CREATE INDEX CONCURRENTLY jobs_queue ON jobs (queue);' > "$package/sql/2_index.sql"
    echo "ALTER TABLE jobs ADD status text NOT NULL DEFAULT 'todo';" > "$package/sql/3_status.sql"
    source="three migrations of our own"
fi
chmod -R a+rX "$package"
(cd / && as_server mkdir "$folder" && as_server cp -r "$package/sql/." "$folder/")
rm -rf "$package"
count=$(find "$folder" -name '*.sql' | wc -l)
run -c "SELECT count(*) AS registered FROM migrator.register_dir('$folder', mixed => true)"
# Years of somebody else's migrations, on a database that nobody uses yet: what they drop is no hazard here. Whatever blocks
# is refused all the same.
"${psql[@]}" -q -v ON_ERROR_STOP=1 -c 'SET client_min_messages = error' -c "SET migrator.allow = 'drop-table'" \
    -c 'CALL migrator.deploy()'
run -c "SELECT version, state, progress, duration FROM migrator.status ORDER BY applied_at DESC LIMIT 5"
applied=$("${psql[@]}" -At -c "SELECT count(*) FROM migrator.status WHERE state = 'applied'")
[ "$applied" = "$count" ] || die "$applied of $count migrations were applied"
problems=$("${psql[@]}" -At -c "SELECT count(*) FROM migrator.verify()")
[ "$problems" = 0 ] || run -c 'SELECT * FROM migrator.verify()'

step "A table of $ROWS rows, and two statements that would take the site down"
run -q -c "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL)" \
    -c "INSERT INTO users SELECT g, 'User' || g || '@Example.org' FROM generate_series(1, $ROWS) g" -c 'ANALYZE users'
refused 'ALTER TABLE users ADD COLUMN normalized_email text NOT NULL' add-column-not-null
refused 'CREATE INDEX users_email ON users (email)' create-index-blocking

step "The safe way: schema and data apart, in three migrations that deploy runs statement by statement"
run -c "SELECT migrator.register('users_1', \$\$
ALTER TABLE users ADD COLUMN normalized_email text;
CREATE INDEX CONCURRENTLY users_email ON users (email);
\$\$, down => 'DROP INDEX users_email; ALTER TABLE users DROP COLUMN normalized_email')" \
    -c "SELECT migrator.register('users_2', \$\$
CALL migrator.backfill('users', 'normalized_email = lower(email)', 'normalized_email IS NULL');
\$\$, irreversible => 'the column goes with users_1')" \
    -c "SELECT migrator.register('users_3', \$\$
ALTER TABLE users ADD CONSTRAINT users_email_set CHECK (normalized_email IS NOT NULL) NOT VALID;
\$\$, down => 'ALTER TABLE users DROP CONSTRAINT users_email_set', requires => '{users_2}')"
run -c 'CALL migrator.deploy()'
run -c 'ALTER TABLE users VALIDATE CONSTRAINT users_email_set'
run -c 'SELECT id, target, state, rows_done, percent, rows_per_second FROM migrator.backfills'
missed=$("${psql[@]}" -At -c 'SELECT count(*) FROM users WHERE normalized_email IS DISTINCT FROM lower(email)')
[ "$missed" = 0 ] || die "the backfill missed $missed rows"

step "Summary"
cat <<S
$applied migrations of $source registered and applied, ledger verified: $problems problems
2 unsafe statements refused, the same done safely; backfill of $ROWS rows, $missed missed

Look around (the cluster keeps running):
  ${psql[0]} -h $socket -p 54329 -U postgres demo
  SELECT * FROM migrator.status;      SELECT * FROM migrator.history;
Stop and remove it:
  make clean     or     tools/cluster.sh destroy demo
S
