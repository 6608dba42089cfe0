"""The bot: pull requests that make images smaller, explained, kept up to date, and never repeated after a no."""
