"""An installation on one machine: its servers, its services, the supervisor, its status."""
