"""What a call may take: the limits that all workers share, and what a call reserves of them."""
