"""What describes the contract to others, generated from the code."""
