#!/usr/bin/env bash
# Provides the sources of the server's own tests, with what they load compiled, for a server built from Debian's source package.
#   tools/regress-source.sh PG_CONFIG     prints the folder: src/test/regress, src/test/isolation and contrib/spi are built in it
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

if [ "$(cat "$tree/.built" 2>/dev/null)" != "$version" ]; then
    say "building the server's own tests of PostgreSQL $version (about two minutes)"
    rm -rf "$tree"; mkdir -p "$cache"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    { tools/setup.sh source "$major" "$work/src" && (build "$(echo "$work/src/postgresql-$major"*/)"); } > "$work/log" 2>&1 \
        || { tail -n 30 "$work/log" >&2; die "the tests of PostgreSQL $version could not be built" "Look at the output above."; }
    mv "$work/src/postgresql-$major"*/ "$tree"
    printf %s "$version" > "$tree/.built"
fi
printf '%s\n' "$tree"
