"""What tests know of texts and of the patterns that look through them."""
