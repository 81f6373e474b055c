// Package implementation tests a server from outside for what the protocol's conformance suite
// does not: that it keeps what it has acknowledged through crashes and restarts, that nothing
// is lost or doubled under concurrency, that segments do not show, and that clients who leave
// or come back do no harm. One file is one area. There is nothing to import.
//
// `make test-implementation` starts the local server for each test. These variables choose
// another one:
//
//	IMPLEMENTATION_TEST_URL       a server that runs, such as http://127.0.0.1:4437
//	IMPLEMENTATION_TEST_RESTART   a shell command that restarts it, and returns once it answers again
//
// What needs a server of its own, because it looks into its files or stops it, is skipped
// there, and says so.
package implementation
