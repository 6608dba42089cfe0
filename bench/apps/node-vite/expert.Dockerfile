FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build

FROM nginx:1.27
COPY --from=build /app/dist /usr/share/nginx/html
RUN sed -i 's/listen 80;/listen 5000;/' /etc/nginx/conf.d/default.conf
EXPOSE 5000
