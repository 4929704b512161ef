"""Takes every mail and delivers none: stands in for Mailpit where its image cannot be had.

Reads the two settings of Mailpit that Kurslotse uses, MP_SMTP_TLS_CERT and MP_SMTP_TLS_KEY, and writes
each mail as a line of JSON to the file in its only argument.
"""

import asyncio
import os
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP

from services.simulator.doors.sink import MailBox

PORT = 1025


async def main(path: Path) -> None:
    """Listen until the container stops; STARTTLS is required."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.environ["MP_SMTP_TLS_CERT"], os.environ["MP_SMTP_TLS_KEY"])
    box = MailBox(path)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, enable_SMTPUTF8=True, hostname="mail", tls_context=context, require_starttls=True),
        "0.0.0.0",  # noqa: S104 -- the network of its container
        PORT,
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
