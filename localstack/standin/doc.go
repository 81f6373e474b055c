// Package standin runs stand-ins for DynamoDB as child processes on loopback,
// for tests and for the local Lambda host. They come from npm packages that
// `npm ci` installs; none of them is built into the program.
//
// There are two, because each is wrong about something that the other is right
// about: [Dynoxide] is one small binary, quick to start and quick to answer;
// [Official] is Amazon's DynamoDB Local, slower, and right about change streams.
// [DynamoDB] is for callers who take what the machine has.
//
// They accept any credentials and any region. Their clients use static dummy
// credentials and the region us-east-1.
package standin
