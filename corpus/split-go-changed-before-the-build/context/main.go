package main

import (
	"net/http"
	"os"
)

func main() {
	os.WriteFile("data/started", nil, 0o644)
	http.Handle("/", http.FileServer(http.Dir("templates")))
	http.ListenAndServe(":8080", nil)
}
