package config

// Fsck configures the command that checks what is stored. It reads the variables of what
// wrote it, so that it looks at the same stores: those of the local server (see [Server])
// for STORE=embedded, those of the functions for STORE=dynamodb.
type Fsck struct {
	Store   string `env:"STORE" envDefault:"embedded" doc:"'embedded' is the local server's store in DATA_DIR, 'dynamodb' that of the functions"`
	DataDir string `env:"DATA_DIR" envDefault:"./.data" doc:"directory of the embedded store"`
	// Bucket is that of the embedded store, if it has one.
	Bucket
	// Function is set if Store is dynamodb.
	Function Function `env:"-"`
}

// ReadFsck reads the configuration of the check. An error names the variable that is
// wrong.
func ReadFsck(environ map[string]string) (Fsck, error) {
	var c Fsck
	if err := parse(environ, &c); err != nil {
		return Fsck{}, err
	}
	if err := firstError(oneOf("STORE", c.Store, "embedded", "dynamodb")); err != nil {
		return Fsck{}, err
	}
	if c.Store == "embedded" {
		return c, firstError(c.Bucket.check(c.Store))
	}
	var err error
	c.Function, err = ReadFunction(environ)
	return c, err
}
