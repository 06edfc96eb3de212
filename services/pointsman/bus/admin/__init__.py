"""Administration of a cluster: topics and their ids, consumer groups, lag, users, ACLs, quotas."""
