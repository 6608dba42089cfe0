FROM node:20-slim
WORKDIR /usr/src/app
COPY package*.json ./
RUN npm ci --omit=dev && npm cache clean --force
COPY server.js ./
COPY routes ./routes
EXPOSE 3000
CMD [ "node", "server.js" ]
