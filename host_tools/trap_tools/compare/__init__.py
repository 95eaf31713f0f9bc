"""Which units, seasons and countries can be compared, and the tables that compare them."""
