"""Reading: words, scripts, trees."""
