"""The counsellors' inbox: the alerts of an office, what it answers, and its lead's page."""
