"""The demo: real districts, generated districts, walking shoppers."""
