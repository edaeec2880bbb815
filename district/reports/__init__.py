"""What a campaign brought: from whom it was meant for to what they did, against those who were held out."""
