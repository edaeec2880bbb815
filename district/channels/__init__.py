"""How members may be reached: a district's providers and their order, and members' addresses."""
