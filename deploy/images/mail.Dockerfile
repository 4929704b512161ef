# Takes every mail and delivers none, for places without an image registry; elsewhere axllent/mailpit is used.
ARG KURSLOTSE=kurslotse/kurslotse:local
FROM ${KURSLOTSE}
HEALTHCHECK NONE
EXPOSE 1025
ENTRYPOINT ["python", "-m", "deploy.containers.mail_sink"]
CMD ["/tmp/mails.jsonl"]
