package protocol

import "net/http"

// delete serves DELETE (section 5.4).
func (x *exchange) delete() error {
	x.kind = "delete"
	if err := ifMatch(x.r.Header); err != nil {
		return err
	}
	if err := x.log.Delete(x.ctx, x.name); err != nil {
		return err
	}
	x.send(http.StatusNoContent, nil)
	return nil
}
