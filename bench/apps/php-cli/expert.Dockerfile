FROM php:8.2-cli
WORKDIR /usr/src/myapp
COPY invoice.php .
CMD [ "php", "./invoice.php" ]
