import subprocess

subprocess.run(["gcc", "answer.c"], check=True)
