package main

import (
	"os"

	"github.com/davidbyttow/govips/v2/vips"
)

func main() {
	vips.Startup(nil)
	defer vips.Shutdown()
	image, err := vips.NewImageFromFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	image.Thumbnail(100, 100, vips.InterestingCentre)
}
