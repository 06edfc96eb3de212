"""What `pointsman doctor` looks at: each check finds something out and says how to mend it."""
