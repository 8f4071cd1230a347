# Shared by the scripts of this folder. Source it; it sets nothing but functions and a few names.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Postgres refuses to run as root; then its own user runs the throw-away servers.
if [ "$(id -u)" = 0 ]; then SERVER_USER=postgres; else SERVER_USER=$(id -un); fi

say() { printf '%s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$1" >&2; shift; for line in "$@"; do printf '  %s\n' "$line" >&2; done; exit 1; }

# Runs a command with the rights to install.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Runs a command as the user that may run servers. Tests set MIGRATOR_TEST_BACKTRACE to give the server the careless
# environment in which pgrx would put backtraces into DETAIL.
as_server() {
    local environment=(env -u RUST_BACKTRACE -u RUST_LIB_BACKTRACE)
    if [ -n "${MIGRATOR_TEST_BACKTRACE:-}" ]; then environment=(env RUST_BACKTRACE=1); fi
    if [ "$(id -un)" = "$SERVER_USER" ]; then "${environment[@]}" "$@"; else runuser -u "$SERVER_USER" -- "${environment[@]}" "$@"; fi
}

# The folder for throw-away clusters: under target/ when the server's user can reach it and the path is short enough
# for a Unix socket, else under /tmp.
clusters_dir() {
    local dir=$ROOT/target/clusters
    mkdir -p "$dir"
    if [ "$(id -u)" = 0 ]; then chown "$SERVER_USER" "$dir"; fi
    if [ "${#dir}" -gt 70 ] || ! (cd / && as_server test -w "$dir") 2>/dev/null; then
        dir=/tmp/migrator-$(id -u)-$(printf %s "$ROOT" | cksum | cut -d' ' -f1)
        mkdir -p "$dir"
        if [ "$(id -u)" = 0 ]; then chown "$SERVER_USER" "$dir"; fi
    fi
    printf %s "$dir"
}
