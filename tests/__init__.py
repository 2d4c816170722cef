"""What must be true of ava_np."""
