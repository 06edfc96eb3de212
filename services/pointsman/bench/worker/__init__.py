"""What a worker takes beside a bare loop around its HTTP library, and whether a backlog fills its memory."""
