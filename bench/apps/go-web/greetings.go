package main

import "strings"

func greetings(path string) []string {
	name := strings.Trim(path, "/")
	if name == "" {
		name = "world"
	}
	return []string{"Hello, " + name, "Salut, " + name}
}
