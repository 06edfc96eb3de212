"""The data on which routing is measured."""
