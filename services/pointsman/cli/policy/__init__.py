"""Commands about routing policies and learning."""
