"""Brings the pinned jars of Apache Kafka into a folder of which an image is built."""

import shutil
import sys
import threading
from os import environ
from pathlib import Path

from services.embedded.machine.progress import narrator
from services.embedded.servers.jars import bring_jars, cache_folder, read_pins


def main(folder: Path) -> None:
    """Copy the jars that deploy/kafka-jars.lock pins; what is missing in the cache is fetched and checked."""
    folder.mkdir(parents=True, exist_ok=True)
    for jar in bring_jars(cache_folder(environ), narrator(), read_pins(), threading.Event()):
        shutil.copyfile(jar, folder / jar.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
