"""The verbs of the door, by subject: one mixin each, put together in ``linux.netlink``."""
