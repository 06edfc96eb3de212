"""What a worker takes beside a bare loop around the same SDK, and whether a backlog fills its memory."""
