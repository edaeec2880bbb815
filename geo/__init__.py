"""Where things are, when they are open, who is inside: geometry without input or output."""
