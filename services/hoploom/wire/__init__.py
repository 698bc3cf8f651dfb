"""Types that cross the network between the four services, and their encodings: pure."""
