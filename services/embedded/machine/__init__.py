"""Manages what an installation has on this machine: folder, secrets, ports, processes, progress bars."""
