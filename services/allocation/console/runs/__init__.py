"""Pages of steering runs: what each saw, decided and proves."""
