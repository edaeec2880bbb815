"""Sets of members that campaigns ask for: segments, tags, uploaded lists, followers, and what members did."""
