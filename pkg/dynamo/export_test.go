package dynamo

// What the tests, which live in package dynamo_test so that they can use the suites,
// need to see of the inside.

var (
	NewClientWithin = newClient
	EncodeHead      = encodeHead
	DecodeHead      = decodeHead
	DecodeChunk     = decodeChunk
	DecodeManifest  = decodeManifest
	DecodeLineage   = decodeLineage
	AppendData      = appendData
	ParseData       = parseData
	ParseCursor     = parseCursor
	FormatCursor    = formatCursor
	HeadAttributes  = headAttributes
	DataKey         = dataKey
	ChunkSort       = chunkSort
	StagedSort      = stagedSort
)

const (
	AttemptTimeout    = attemptTimeout
	ReadAttempts      = readAttempts
	MaxItem           = maxItem
	MaxBatchProducers = maxBatchProducers
	TombstoneFor      = tombstoneFor
)
