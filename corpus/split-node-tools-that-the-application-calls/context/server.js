const { spawn } = require('child_process')

spawn('python3', ['report.py'])
