# Debian's PHP, where the official image has one of its own. Its docker-php-ext-install compiles an extension; this one
# installs Debian's package of it, so that nothing is to be claimed of what it saves.
FROM debian:bookworm-slim AS cli
ENV PHPIZE_DEPS="autoconf dpkg-dev file g++ gcc libc-dev make pkg-config re2c" PHP_INI_DIR=/usr/local/etc/php PHP_VERSION=8.2
RUN apt-get update \
    && apt-get install -y --no-install-recommends $PHPIZE_DEPS ca-certificates curl xz-utils \
        php8.2-cli php8.2-curl php8.2-mbstring php8.2-readline php8.2-sqlite3 php8.2-xml \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/bin/php /usr/local/bin/php && mkdir -p /var/www/html /usr/local/etc/php/conf.d
COPY --chmod=755 <<'EOF' /usr/local/bin/docker-php-ext-install
#!/bin/sh
set -e
wanted=
for one; do
    case $one in
        -*) ;;
        pdo_mysql | mysqli) wanted="$wanted php8.2-mysql" ;;
        pdo_pgsql | pgsql) wanted="$wanted php8.2-pgsql" ;;
        bcmath | gd | gmp | intl | soap | zip) wanted="$wanted php8.2-$one" ;;
        *) echo "the stand-in has no $one" >&2; exit 1 ;;
    esac
done
apt-get update -qq
apt-get install -y -qq --no-install-recommends $wanted
rm -rf /var/lib/apt/lists/*
EOF
COPY --chmod=755 <<'EOF' /usr/local/bin/docker-php-entrypoint
#!/bin/sh
set -e
if [ "${1#-}" != "$1" ]; then set -- php "$@"; fi
exec "$@"
EOF
ENTRYPOINT ["docker-php-entrypoint"]
CMD ["php", "-a"]

FROM cli AS apache
ENV APACHE_CONFDIR=/etc/apache2 APACHE_ENVVARS=/etc/apache2/envvars
RUN apt-get update \
    && apt-get install -y --no-install-recommends apache2 libapache2-mod-php8.2 \
    && rm -rf /var/lib/apt/lists/* /var/www/html/* \
    && a2enmod php8.2 \
    && ln -sfT /dev/stderr /var/log/apache2/error.log && ln -sfT /dev/stdout /var/log/apache2/access.log \
    && echo ServerName localhost > /etc/apache2/conf-enabled/name.conf
COPY --chmod=755 <<'EOF' /usr/local/bin/apache2-foreground
#!/bin/sh
set -e
. /etc/apache2/envvars
mkdir -p "$APACHE_RUN_DIR" "$APACHE_LOCK_DIR"
rm -f "$APACHE_PID_FILE"
exec apache2 -DFOREGROUND "$@"
EOF
STOPSIGNAL SIGWINCH
WORKDIR /var/www/html
EXPOSE 80
CMD ["apache2-foreground"]
