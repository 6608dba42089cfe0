FROM ruby:3.1-slim
WORKDIR /app
COPY server.rb haiku.yml ./
COPY lib lib
EXPOSE 4567
CMD ["ruby", "server.rb"]
