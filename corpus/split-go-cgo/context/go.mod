module example.com/shop

go 1.22

require github.com/davidbyttow/govips/v2 v2.15.0
