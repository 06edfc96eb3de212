"""The checks of `pointsman doctor`. Each failure comes with a fix."""
