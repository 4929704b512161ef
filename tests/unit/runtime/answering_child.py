"""Runs as a child process of tests: joins two frames, or sleeps or exits when told to."""

import sys
import time

from services.runtime.base.subprocesses import die_with, frame, read_frame


def main() -> None:
    die_with(int(sys.argv[1]))
    while (first := read_frame(sys.stdin.buffer)) is not None:
        second = read_frame(sys.stdin.buffer)
        assert second is not None
        if first == b"sleep":
            time.sleep(60)
        if first == b"exit":
            sys.exit(3)
        sys.stdout.buffer.write(frame(first + b"+" + second))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
