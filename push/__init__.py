"""Who may get which offer, and how it reaches them: rules without a database."""
