"""What the containers of Kurslotse run besides its services; it is part of their image."""
