"""What is known of nodes beside their edges, as vectors."""
