"""The services of Kurslotse: gateway, allocation, notifications, simulator, and what carries them."""
