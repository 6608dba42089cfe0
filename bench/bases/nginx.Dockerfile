# Debian's nginx with the settings of the official image (https://github.com/nginx/docker-nginx).
FROM debian:bookworm-slim
ENV NGINX_VERSION=1.22.1
RUN groupadd --system --gid 101 nginx \
    && useradd --system --gid nginx --no-create-home --home /nonexistent --shell /bin/false --uid 101 nginx \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl gettext-base libnginx-mod-http-geoip \
        libnginx-mod-http-image-filter libnginx-mod-http-xslt-filter nginx \
    && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-* /var/www/html \
    && mkdir -p /etc/nginx/conf.d /usr/share/nginx/html /docker-entrypoint.d \
    && ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log \
    && chown -R nginx /var/lib/nginx
COPY <<'EOF' /etc/nginx/nginx.conf
user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /var/run/nginx.pid;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
EOF
COPY <<'EOF' /etc/nginx/conf.d/default.conf
server {
    listen 80;
    server_name localhost;
    location / {
        root /usr/share/nginx/html;
        index index.html index.htm;
    }
}
EOF
COPY --chmod=755 <<'EOF' /docker-entrypoint.sh
#!/bin/sh
set -e
exec "$@"
EOF
ENTRYPOINT ["/docker-entrypoint.sh"]
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
