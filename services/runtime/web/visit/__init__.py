"""Who asks for a page: sessions, who is signed in, what they may, what they prefer."""
