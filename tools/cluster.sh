#!/usr/bin/env bash
# Throw-away clusters: own data directory and socket, no TCP port, gone with `destroy`.
#   tools/cluster.sh create NAME PG_CONFIG ['setting = value' ...]   initdb and start; prints the socket folder
#   tools/cluster.sh start|stop|crash NAME PG_CONFIG                 (crash: immediate stop)
#   tools/cluster.sh destroy NAME                                    stop and remove
set -euo pipefail
. "$(dirname "$0")/lib.sh"

command=${1:?}; name=${2:?}
dir=$(clusters_dir)/$name

destroy() {
    if [ -f "$dir/data/postmaster.pid" ] && [ -f "$dir/bin" ]; then
        (cd / && as_server "$(cat "$dir/bin")/pg_ctl" -D "$dir/data" -s -w -m immediate stop) >/dev/null 2>&1 || true
    fi
    rm -rf "$dir"
}

case $command in
create)
    pg_config=${3:?}; shift 3
    bin=$("$pg_config" --bindir)
    destroy
    (cd / && as_server mkdir -p "$dir" && as_server sh -c "printf %s '$bin' > '$dir/bin'")
    (cd / && as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C -N) > "${TMPDIR:-/tmp}/migrator-initdb.$$" 2>&1 \
        || { cat "${TMPDIR:-/tmp}/migrator-initdb.$$" >&2; die "initdb failed"; }
    rm -f "${TMPDIR:-/tmp}/migrator-initdb.$$"
    {
        printf "listen_addresses = ''\nport = 54329\nunix_socket_directories = '%s'\n" "$dir"
        printf "log_min_messages = warning\nmax_connections = 50\n"
        # The whole of the tests with the hooks in place, see CONTRIBUTING.md.
        if [ -n "${MIGRATOR_TEST_PRELOAD:-}" ]; then printf "shared_preload_libraries = 'migrator'\n"; fi
        printf '%s\n' "$@"
    } | (cd / && as_server sh -c "cat >> '$dir/data/postgresql.conf'")
    (cd / && as_server "$bin/pg_ctl" -D "$dir/data" -s -w -t 120 -l "$dir/log" start) >&2 \
        || { tail -n 20 "$dir/log" >&2; die "the server did not start"; }
    printf '%s\n' "$dir"
    ;;
start)
    bin=$("${3:?}" --bindir)
    (cd / && as_server "$bin/pg_ctl" -D "$dir/data" -s -w -t 120 -l "$dir/log" start) >&2
    ;;
stop | crash)
    bin=$("${3:?}" --bindir)
    if [ "$command" = stop ]; then mode=fast; else mode=immediate; fi
    (cd / && as_server "$bin/pg_ctl" -D "$dir/data" -s -w -t 120 -m "$mode" stop) >&2
    ;;
destroy) destroy ;;
*) die "unknown command $command" ;;
esac
