CREATE TABLE entries (name TEXT, amount INTEGER);
INSERT INTO entries VALUES ('rent', -700), ('wage', 2100), ('rent', -50);
