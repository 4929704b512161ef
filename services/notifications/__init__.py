"""The support side: who may know whom, who needs help, whom to tell, and making sure they know."""
