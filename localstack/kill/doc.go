// Package kill tests what is left of what was promised when processes are killed (SIGKILL) at
// random moments under load: the embedded server, which starts again on its data, and the
// functions of the Lambda host, whose stores go on. There is nothing to import.
//
//	make kill KILLTIME=5m
//
// Clients do two things meanwhile. Some walk at random through small groups of streams, with
// forks, deletions and all ways to read; their histories must be linearizable (localstack/linear).
// Others write on to a few long streams and read them live (ledger_test.go): no append that was
// acknowledged is lost, none is there twice, and they are in order. In the end everything is read
// again, and fsck looks at what is stored.
package kill
