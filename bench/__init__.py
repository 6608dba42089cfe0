"""Real builds of small applications: how much of what an expert reaches does a rewrite reach, and is it the same program?"""
