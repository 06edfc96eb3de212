"""The router's speed relative to the limit set by the wire: same run, same broker, same messages."""
