// Package words counts words.
package words

import "sort"

// Counted is a word and how often it was there.
type Counted struct {
	Word  string
	Times int
}

// Count counts, the most frequent first.
func Count(all []string) []Counted {
	times := map[string]int{}
	for _, word := range all {
		times[word]++
	}
	found := []Counted{}
	for word, n := range times {
		found = append(found, Counted{word, n})
	}
	sort.Slice(found, func(a, b int) bool {
		return found[a].Times > found[b].Times || found[a].Times == found[b].Times && found[a].Word < found[b].Word
	})
	return found
}
