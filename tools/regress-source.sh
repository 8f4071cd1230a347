#!/usr/bin/env bash
# Provides the sources of the server's own tests, with what they load compiled, for a server built from Debian's source package.
#   tools/regress-source.sh PG_CONFIG        prints the folder: src/test/regress, src/test/isolation and contrib/spi are built in it
#   tools/regress-source.sh PG_CONFIG text   the same, but nothing needs to be compiled
# Kept outside the repository and used again while the server's version is the same.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

pg_config=${1:?}
version=$("$pg_config" --version | sed -E 's/[^0-9]*([0-9]+[^ ]*).*/\1/')
major=${version%%.*}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/migrator
tree=$cache/src-$major

# What the tests load and run, and nothing of the server itself. Postgres's makefiles prepare their generated headers only
# when they are the outermost make; we may run under one.
build() {
    local options=(--with-openssl --without-readline)
    if "$pg_config" --configure | grep -q -- --enable-cassert; then options+=(--enable-cassert); fi
    unset MAKELEVEL MAKEFLAGS MFLAGS
    cd "$1" \
        && ./configure --quiet "${options[@]}" CFLAGS='-O2 -g' \
        && make -s -j"$(nproc)" -C src/backend generated-headers \
        && make -s -j"$(nproc)" -C src/test/regress all \
        && make -s -j"$(nproc)" -C src/test/isolation all
}

# Does what makes the folder be $1, if it is not that yet: .text of this version, or .built.
step() {
    local mark=$1 what=$2
    shift 2
    [ "$(cat "$tree/$mark" 2>/dev/null)" != "$version" ] || return 0
    say "$what of PostgreSQL $version"
    ("$@") > "$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; die "failed: $what of PostgreSQL $version" "Look at the output above."; }
    printf %s "$version" > "$tree/$mark"
}

unpack() {
    tools/setup.sh source "$major" "$work/src" && rm -rf "$tree" && mkdir -p "$cache" && mv "$work/src/postgresql-$major"*/ "$tree"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step .text "unpacking the sources" unpack
[ "${2:-}" = text ] || step .built "building the server's own tests (about two minutes)" build "$tree"
printf '%s\n' "$tree"
