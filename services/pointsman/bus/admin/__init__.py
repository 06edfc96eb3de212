"""What is asked of a cluster: its topics and their ids, groups, lag."""
