package dynamo

// A write that ends a segment leaves the attribute ended in the head's item, and every
// other write of the item removes it. So each end of a segment is in exactly one
// record of the table's change stream.
const (
	ended    = "en"
	endedNow = "1"
)

// EndedFilter is the filter pattern of a Lambda event source mapping on the table's
// change stream that passes the records of writes that ended a segment, and nothing
// else. [NameOfHead] tells of which stream they are, by the keys of the new image.
const EndedFilter = `{"dynamodb":{"NewImage":{"` + ended + `":{"S":["` + endedNow + `"]}}}}`
