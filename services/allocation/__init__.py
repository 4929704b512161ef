"""The steering side: who gets which place, and how it ended. Start reading at consumer.py."""
