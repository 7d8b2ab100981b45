"""`./run`: from a bare machine to the running site. Standard library only, for it runs before anything is installed."""
