const ms = require('ms');

require('http').createServer((req, res) => res.end(ms(60000))).listen(3000);
