const Client = require('pg-native')
const Database = require('better-sqlite3')
const express = require('express')

const app = express()
app.get('/', (request, response) => response.send('shop'))
app.listen(3000)
