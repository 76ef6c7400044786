"""People, how they sign in, what they belong to, and the tokens of programs."""
