"""One module for each kind of forge; `slimify.bot.forge` is what they have in common."""
