"""Says whose certificates the clients between the services trust."""

import os
import ssl


def trusted() -> ssl.SSLContext | bool:
    """Return what SSL_CERT_FILE or SSL_CERT_DIR name, else the usual authorities."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context()
    return True
