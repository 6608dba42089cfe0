module.exports = require("pino-pretty")();
