# Python from Debian's packages, for places without an image registry; elsewhere python:3.11-slim-bookworm is used.
#   docker build --network host --build-arg BASE=localhost/debian:bookworm -f deploy/images/python.Dockerfile deploy/images
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log
CMD ["python3"]
