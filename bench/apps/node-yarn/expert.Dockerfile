FROM node:20-slim
WORKDIR /app
COPY --chown=node:node package.json yarn.lock ./
RUN yarn install --frozen-lockfile --production && yarn cache clean && mkdir -p /data && chown -R node:node /app /data
COPY --chown=node:node index.js ./
COPY --chown=node:node views ./views
USER node
EXPOSE 4000
CMD ["yarn", "--silent", "start"]
