// Package price is the list of prices that the cost calculator and the benchmarks use:
// one row each, with where it is from and how far it could be verified.
//
// All are list prices in US dollars without tax, without free tier and without
// discounts, of the first tier where there are tiers; those of Amazon are of us-east-1.
// A GB is what the bill calls one: 2^30 bytes. To correct a price, change its row; `make
// cost` shows what follows.
package price

import (
	"fmt"
	"reflect"
)

// Price is what some number of units costs.
type Price struct {
	// Service and Item are what is bought, as the bill calls it.
	Service, Item string
	// Dollars is the price of Per units.
	Dollars, Per float64
	// Unit is what is counted.
	Unit string
	// Source is the official page.
	Source string
	// Known is when the price was known to be this one, and by what. "not verified here"
	// says that nothing recent confirms it: look it up before you rely on it.
	Known string
}

// Of returns what a number of units costs, in dollars.
func (p Price) Of(units float64) float64 { return units / p.Per * p.Dollars }

// String returns the price as a price list would print it.
func (p Price) String() string {
	switch p.Per {
	case 1:
		return fmt.Sprintf("$%g a %s", p.Dollars, p.Unit)
	case 1e6:
		return fmt.Sprintf("$%g a million %s", p.Dollars, p.Unit)
	}
	return fmt.Sprintf("$%g for %g %s", p.Dollars, p.Per, p.Unit)
}

// How prices are known. Only the first is a reading of the list itself; the price pages
// could not be opened from the machine where the others were written down.
const (
	readFromList = "2026-11-24, read from the price list"
	// quoted is for a price that public documents of that time agree on, some of which
	// quote Amazon's machine-readable list.
	quoted = "2026-09, as public documents quote the price list"
	// agreed is the same without a date.
	agreed      = "undated, as public documents agree"
	notVerified = "undated public documents, not verified here"
)

// million is what most prices are for.
const million = 1e6

// All returns every row of the list, in its order.
func All() []Price {
	var all []Price
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		if p, ok := v.Interface().(Price); ok {
			all = append(all, p)
			return
		}
		for i := range v.NumField() {
			walk(v.Field(i))
		}
	}
	walk(reflect.ValueOf(List()))
	walk(reflect.ValueOf(CloudflareList()))
	walk(reflect.ValueOf(UpstashList()))
	return all
}
