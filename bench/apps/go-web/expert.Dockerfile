FROM golang:1.23 AS build
WORKDIR /src
COPY go.mod ./
COPY *.go ./
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /server .

FROM gcr.io/distroless/static-debian12
WORKDIR /app
COPY --from=build /server ./server
COPY templates templates
EXPOSE 8080
CMD ["./server"]
