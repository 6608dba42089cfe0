const http = require('http')
const bcrypt = require('bcrypt')

http.createServer((_, answer) => answer.end(bcrypt.hashSync('a', 4))).listen(8080)
