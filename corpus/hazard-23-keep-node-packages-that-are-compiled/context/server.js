require('better-sqlite3')('x.db');
