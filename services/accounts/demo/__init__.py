"""The issuer `demo`: invented people, on a demo installation only."""
