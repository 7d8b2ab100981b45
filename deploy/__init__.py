"""What brings Haechi onto a machine."""
