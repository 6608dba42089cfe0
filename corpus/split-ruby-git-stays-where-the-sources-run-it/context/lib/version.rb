VERSION = `git describe --tags`.strip
