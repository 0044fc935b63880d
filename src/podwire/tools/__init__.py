"""The commands people type: grammar and text of one tool each. They use the door and read tables; they decide nothing."""
