"""The campaign editor: each part of a campaign's document as fields of a form, both ways."""
