"""Asks the service of this container whether it is well (HEALTHCHECK); exit status 0 if it is."""

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from services.runtime.base.settings import with_file

_SECONDS = 4.0


def main() -> int:
    """Ask the ops port whether the service is ready."""
    env = with_file(os.environ)
    port = int(env["KURSLOTSE_OPS"].rpartition(":")[2])
    connection: HTTPConnection
    if env.get("KURSLOTSE_TLS"):
        context = ssl.create_default_context(cafile=env.get("SSL_CERT_FILE"))
        connection = HTTPSConnection("localhost", port, timeout=_SECONDS, context=context)
    else:
        connection = HTTPConnection("localhost", port, timeout=_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return int(connection.getresponse().status != 200)  # noqa: PLR2004 -- HTTP
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"{type(error).__name__}\n")
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
