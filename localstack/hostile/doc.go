// Package hostile has tests that attack a local server process as clients can: with what
// is slow, endless, half, too much or no HTTP at all. Good clients get their answers all
// the while, and what the attackers took is free once they have left: memory, goroutines,
// open files.
//
//	go test ./localstack/hostile -for 10m
package hostile
