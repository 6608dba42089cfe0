package main

import (
	"log"
	"os"
	"os/exec"
)

func main() {
	command := exec.Command("git", "clone", "--mirror", os.Getenv("ORIGIN"))
	if err := command.Run(); err != nil {
		log.Fatal(err)
	}
}
