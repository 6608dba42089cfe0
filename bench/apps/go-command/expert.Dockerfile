FROM golang:1.23-bookworm AS build
WORKDIR /go/src/count
COPY go.mod .
COPY cmd ./cmd
COPY internal ./internal
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /usr/local/bin/count ./cmd/count

FROM gcr.io/distroless/static-debian12
WORKDIR /go/src/count
COPY --from=build /usr/local/bin/count /usr/local/bin/count
ENTRYPOINT ["count"]
CMD ["the", "cat", "and", "the", "hat"]
