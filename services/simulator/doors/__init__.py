"""The public doors as the players use them, and their own record of what passed."""
