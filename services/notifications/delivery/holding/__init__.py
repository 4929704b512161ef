"""Holding: when a mail to an office may go out, and which mails go out together; nothing is ever dropped."""
