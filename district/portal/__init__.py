"""The captive portal: sign in, consent, access."""
