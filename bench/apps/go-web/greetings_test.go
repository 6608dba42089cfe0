package main

import "testing"

func TestGreetings(t *testing.T) {
	if greetings("/")[0] != "Hello, world" {
		t.Fail()
	}
}
