"""The data that routing is measured on."""
