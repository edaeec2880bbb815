"""The queue of messages that leave the system, and how any slice puts one in."""
