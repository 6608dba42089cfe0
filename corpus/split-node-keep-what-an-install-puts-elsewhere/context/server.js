const puppeteer = require('puppeteer')
