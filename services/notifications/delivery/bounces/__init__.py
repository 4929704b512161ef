"""Bounces: mails that came back, read from the sender's mailbox, and the mailboxes that do not exist."""
