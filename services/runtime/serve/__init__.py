"""One service process: its tasks, its operators' door, its commands."""
