"""split-stage: what is built in one stage and what ships in another, an ecosystem to a file."""
