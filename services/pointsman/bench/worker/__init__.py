"""A worker compared with a bare loop around its HTTP library, and its memory with a large backlog."""
