"""Court rulings: taken in, read with their facts, corrected by people, and counted into priors."""
