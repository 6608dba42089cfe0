FROM php:8.2-apache
RUN docker-php-ext-install pdo_mysql mysqli && a2enmod rewrite
COPY --chown=www-data:www-data . /var/www/html/
EXPOSE 80
