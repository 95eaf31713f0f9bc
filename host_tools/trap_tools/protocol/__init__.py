"""``manul protocol``: the rules of a programme as a file that is checked, compared, signed and hashed."""
