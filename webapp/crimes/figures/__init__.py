"""Published figures: tables of sums that an office has published. Never incidents."""
