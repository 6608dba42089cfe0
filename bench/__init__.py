"""Real builds of small applications: how much of an expert's reduction a rewrite reaches, and whether it is sound."""
