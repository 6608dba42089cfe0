FROM node:20-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev

FROM node:20-bookworm-slim
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY package.json index.js ./
ENV NODE_ENV=production
EXPOSE 3000
CMD ["npm", "start"]
