"""Holds the batch loop; `batch.process_batch` tells what happens to a batch. Start reading there."""
