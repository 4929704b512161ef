"""This machine: the installation's folder and secrets, ports, processes, progress."""
