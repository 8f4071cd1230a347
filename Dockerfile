# PostgreSQL with migrator, in the manner of the official image: the same entry point, settings and folders.
#   docker build --build-arg PG_MAJOR=18 -t postgres-migrator .
#   docker run -e POSTGRES_PASSWORD=secret postgres-migrator
ARG PG_MAJOR=18

FROM postgres:${PG_MAJOR} AS build
ARG PG_MAJOR
RUN set -eux; \
    apt-get update; \
    apt-get install -y --no-install-recommends \
        build-essential ca-certificates clang curl libclang-dev pkg-config "postgresql-server-dev-${PG_MAJOR}"; \
    rm -rf /var/lib/apt/lists/*
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup PATH=/usr/local/cargo/bin:$PATH
RUN set -eux; \
    curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain 1.95.0
WORKDIR /src
COPY tools ./tools
# Once for all versions of the source: it takes minutes.
RUN tools/setup.sh build
COPY Cargo.toml Cargo.lock build.rs migrator.control ./
COPY sql ./sql
COPY src ./src
RUN set -eux; \
    tree="$(tools/package.sh tree "/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config")"; \
    mv "$tree" /package

FROM postgres:${PG_MAJOR}
COPY --from=build /package/ /
COPY docker/initdb.d/ /docker-entrypoint-initdb.d/
