// Package linear checks that a server of the protocol is linearizable: whatever many clients
// do at once, and whatever happens to processes and stores meanwhile, there is an order of
// their requests, in keeping with time, in which one server that does one request after the
// other would have given the same answers.
//
// [Client] makes requests over HTTP and [History] records them, with the times at which each
// was sent and answered. A request of which nobody knows what became of it (a torn connection,
// a 503 that says so) may have taken effect at any time since, or never. [History.Check]
// searches for the order, with porcupine (https://github.com/anishathalye/porcupine) and the
// model of the protocol that state.go, model.go and fork.go are.
//
// The model knows what a stream holds, who closed it, its producers, its forks, and which offset
// stands for which place; it knows nothing of time to live. It is the concurrent counterpart of
// the model in pkg/streamtest, which tests one request after the other in the core's own terms,
// and of the History there, which compares what one stream holds in the end with what writers
// were told, at any length; here each answer counts, and histories are short.
//
// [Walk] is what a client does, at random. The tests of this package let it loose on the whole
// server above a driver in memory, under a schedule that a seed decides; those of
// localstack/kill on real processes.
package linear
