package main

import (
	"fmt"
	"os"

	"example.com/count/internal/words"
)

func main() {
	for _, one := range words.Count(os.Args[1:]) {
		fmt.Printf("%s\t%d\n", one.Word, one.Times)
	}
}
