create table cart (id int);
