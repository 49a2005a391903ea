"""What an encoder reads of nodes and of users."""
